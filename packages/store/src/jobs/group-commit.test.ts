import { describe, expect, it } from 'vitest';
import { groupCommit } from './group-commit.ts';

const away = new Error('away');

/** Commits that the test ends itself, group by group. */
function manualCommits() {
  const groups: { readonly items: readonly string[]; readonly end: (error?: Error) => void }[] = [];
  const join = groupCommit<string, string>({
    commit: async (items) =>
      await new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error === undefined ? resolve(items) : reject(error));
        groups.push({ items, end });
      }),
    sizeOf: (item) => item.length,
    canBlameItem: (error) => error !== away,
  });
  const groupsSoFar = () => groups.map(({ items }) => items.join(''));
  return { join, groups, groupsSoFar };
}

const turnOfTheLoop = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

describe('group commits', () => {
  it('join the items of one tick', async () => {
    const { join, groups, groupsSoFar } = manualCommits();
    const joined = Promise.all(['a', 'b', 'c'].map(join));
    await turnOfTheLoop();
    expect(groupsSoFar()).toEqual(['abc']);
    groups[0]?.end();
    expect(await joined).toEqual(['a', 'b', 'c']);
  });

  it('have a bounded size, which only an item alone may exceed', async () => {
    const { join, groups } = manualCommits();
    const sizes = [200, 300, 1, 600, 500];
    const results = Promise.all(sizes.map((size) => join('x'.repeat(size))));
    for (let group = 0; group < 4; group += 1) {
      await turnOfTheLoop();
      groups[group]?.end();
    }
    expect((await results).map(({ length }) => length)).toEqual(sizes);
    expect(groups.map(({ items }) => items.map(({ length }) => length))).toEqual([[200, 300], [1], [600], [500]]);
  });

  it('go on beside a group that hangs, and gather new items while two groups are under way', async () => {
    const { join, groups, groupsSoFar } = manualCommits();
    const results: Promise<string>[] = [];
    for (const item of ['a', 'b', 'c', 'd']) {
      results.push(join(item));
      await turnOfTheLoop();
    }
    expect(groupsSoFar()).toEqual(['a', 'b']);
    groups[1]?.end();
    expect(await results[1]).toBe('b');
    await turnOfTheLoop();
    expect(groupsSoFar()).toEqual(['a', 'b', 'cd']);
    groups[2]?.end();
    groups[0]?.end();
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('commit each item alone after a failure that one of them may have caused', async () => {
    const { join, groups, groupsSoFar } = manualCommits();
    const results = Promise.allSettled(['a', 'bad', 'c'].map(join));
    await turnOfTheLoop();
    groups[0]?.end(new Error('bad'));
    for (const index of [1, 2, 3]) {
      await turnOfTheLoop();
      groups[index]?.end(index === 2 ? new Error('bad') : undefined);
    }
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(groupsSoFar()).toEqual(['abadc', 'a', 'bad', 'c']);
  });

  it('fail together and at once when the database is away', async () => {
    const { join, groups, groupsSoFar } = manualCommits();
    const results = Promise.allSettled(['a', 'b'].map(join));
    await turnOfTheLoop();
    groups[0]?.end(away);
    expect((await results).map((result) => result.status === 'rejected' && result.reason === away)).toEqual([
      true,
      true,
    ]);
    expect(groupsSoFar()).toEqual(['ab']);
  });
});
