/** Group commit: items that arrive during a commit share the next one, since a commit waits for the disk once. */

interface Pending<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommitOptions<Item, Result> {
  /** Commits all items or none. Returns their results in order. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** The number of rows that an item writes. */
  readonly sizeOf: (item: Item) => number;
  /** True when a single item may have failed its group. Each is then committed alone, so that it fails only itself. */
  readonly canBlameItem: (error: unknown) => boolean;
}

/** Rows. Keeps the parameters of a statement below the limits of the databases. */
const maxGroup = 500;
/** Two, so that a group on a dead connection does not block the next; not more, to leave connections to other calls. */
const groupsAtOnce = 2;

/** @returns a function that joins the next commit */
export function groupCommit<Item, Result>({
  commit,
  sizeOf,
  canBlameItem,
}: GroupCommitOptions<Item, Result>): (item: Item) => Promise<Result> {
  const waiting: Pending<Item, Result>[] = [];
  let committing = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled || waiting.length === 0 || committing === groupsAtOnce) return;
    isScheduled = true;
    // Deferred, so that the other items of this tick join.
    setImmediate(() => {
      isScheduled = false;
      void flush(takeGroup());
      schedule();
    });
  }

  function takeGroup(): readonly Pending<Item, Result>[] {
    let [count, size] = [0, 0];
    for (const { item } of waiting) {
      size += sizeOf(item);
      if (count > 0 && size > maxGroup) break;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  async function flush(members: readonly Pending<Item, Result>[]): Promise<void> {
    committing += 1;
    try {
      await settle(members);
    } catch (error) {
      if (members.length === 1 || !canBlameItem(error)) for (const { reject } of members) reject(error);
      else for (const member of members) await settle([member]).catch(member.reject);
    }
    committing -= 1;
    schedule();
  }

  async function settle(members: readonly Pending<Item, Result>[]): Promise<void> {
    const results = await commit(members.map(({ item }) => item));
    for (const [index, { resolve }] of members.entries()) resolve(results[index] as Result);
  }

  return async function join(item) {
    return await new Promise<Result>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      schedule();
    });
  };
}
