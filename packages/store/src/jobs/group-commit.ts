/** Submits that come while one commits share the next transaction: a commit waits for the disk, however many rows it has. */

interface Pending<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Keeps a statement's parameters below what the databases allow. */
const maxGroup = 500;

/**
 * @param commit  Commits all items or none, and gives their results in order.
 * @returns a function that joins the next commit; an item that makes its group fail is tried again alone, so that it fails only itself
 */
export function groupCommit<Item, Result>(
  commit: (items: readonly Item[]) => Promise<readonly Result[]>,
): (item: Item) => Promise<Result> {
  const waiting: Pending<Item, Result>[] = [];
  let isCommitting = false;

  async function drain(): Promise<void> {
    while (waiting.length > 0) await flush(waiting.splice(0, maxGroup));
    isCommitting = false;
  }

  async function flush(members: readonly Pending<Item, Result>[]): Promise<void> {
    try {
      await settle(members);
    } catch (error) {
      if (members.length === 1) for (const { reject } of members) reject(error);
      else for (const member of members) await settle([member]).catch(member.reject);
    }
  }

  async function settle(members: readonly Pending<Item, Result>[]): Promise<void> {
    const results = await commit(members.map(({ item }) => item));
    for (const [index, { resolve }] of members.entries()) resolve(results[index] as Result);
  }

  return async function join(item) {
    return await new Promise<Result>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (isCommitting) return;
      isCommitting = true;
      // Not at once: the rest of this tick joins.
      setImmediate(() => void drain());
    });
  };
}
