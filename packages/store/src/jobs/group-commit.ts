/** Submits that come while one commits share the next transaction: a commit waits for the disk, however many rows it has. */

interface Pending<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommitOptions<Item, Result> {
  /** Commits all items or none, and gives their results in order. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Whether one item may be what made its group fail: then each is tried again alone, so that it fails only itself. */
  readonly mayBeOfOneItem: (error: unknown) => boolean;
}

/** Keeps a statement's parameters below what the databases allow. */
const maxGroup = 500;
/** One that hangs on a connection that died without a word does not hold up the next; more would take the connections of everybody else. */
const groupsAtOnce = 2;

/** @returns a function that joins the next commit */
export function groupCommit<Item, Result>({
  commit,
  mayBeOfOneItem,
}: GroupCommitOptions<Item, Result>): (item: Item) => Promise<Result> {
  const waiting: Pending<Item, Result>[] = [];
  let committing = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled || waiting.length === 0 || committing === groupsAtOnce) return;
    isScheduled = true;
    // Not at once: the rest of this tick joins.
    setImmediate(() => {
      isScheduled = false;
      void flush(waiting.splice(0, maxGroup));
      schedule();
    });
  }

  async function flush(members: readonly Pending<Item, Result>[]): Promise<void> {
    committing += 1;
    try {
      await settle(members);
    } catch (error) {
      if (members.length === 1 || !mayBeOfOneItem(error)) for (const { reject } of members) reject(error);
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
