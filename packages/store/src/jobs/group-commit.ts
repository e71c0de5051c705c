/** Submits of one tick share a transaction: with `synchronous = FULL` each commit waits for the disk. */

interface Pending<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param commit  Commits all items or none, and gives their results in order.
 * @returns a function that joins the next commit; an item that makes its group fail is tried again alone, so that it fails only itself
 */
export function groupCommit<Item, Result>(
  commit: (items: readonly Item[]) => Promise<readonly Result[]>,
): (item: Item) => Promise<Result> {
  let group: Pending<Item, Result>[] = [];

  async function flush(): Promise<void> {
    const members = group;
    group = [];
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
      group.push({ item, resolve, reject });
      if (group.length === 1) setImmediate(() => void flush());
    });
  };
}
