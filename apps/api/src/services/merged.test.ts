import { describe, expect, it } from 'vitest';
import { merged } from './merged.ts';

/** A source whose values the test sends itself. */
function manualSource() {
  const asked: PromiseWithResolvers<IteratorResult<string, void>>[] = [];
  const next = async (): Promise<IteratorResult<string, void>> => {
    asked.push(Promise.withResolvers());
    return await (asked.at(-1) as (typeof asked)[number]).promise;
  };
  return {
    source: { next },
    asked,
    send: (value: string) => asked.at(-1)?.resolve({ done: false, value }),
    end: () => asked.at(-1)?.resolve({ done: true, value: undefined }),
    fail: (error: Error) => asked.at(-1)?.reject(error),
  };
}

describe('merged iterations', () => {
  it('yield the values of all sources as they come, and end with the last of them', async () => {
    const [a, b] = [manualSource(), manualSource()];
    const values = merged([a.source, b.source]);
    const first = values.next();
    b.send('b1');
    expect((await first).value).toEqual([1, 'b1']);
    a.send('a1');
    expect((await values.next()).value).toEqual([0, 'a1']);
    const third = values.next();
    a.end();
    b.send('b2');
    expect((await third).value).toEqual([1, 'b2']);
    const last = values.next();
    b.end();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  it('ask a source for one value at a time, and only while the reader asks', async () => {
    const [a, b] = [manualSource(), manualSource()];
    const values = merged([a.source, b.source]);
    expect(a.asked).toHaveLength(0);
    const first = values.next();
    expect([a.asked.length, b.asked.length]).toEqual([1, 1]);
    a.send('a1');
    b.send('b1');
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    expect([a.asked.length, b.asked.length]).toEqual([1, 1]);
    await values.next();
    expect([a.asked.length, b.asked.length]).toEqual([2, 1]);
  });

  it('fail with the first error of a source, after the values that came before it', async () => {
    const [a, b] = [manualSource(), manualSource()];
    const values = merged([a.source, b.source]);
    const first = values.next();
    a.send('a1');
    b.fail(new Error('broken'));
    expect((await first).value).toEqual([0, 'a1']);
    await expect(values.next()).rejects.toThrow('broken');
  });

  it.each(['leaves', 'gets an error'])('end all sources when the reader %s, also at their own yield', async (how) => {
    const ended: string[] = [];
    async function* source(name: string, error?: Error) {
      try {
        yield name;
        if (error !== undefined) throw error;
        yield name;
      } finally {
        ended.push(name);
      }
    }
    const pending = manualSource();
    const error = how === 'leaves' ? undefined : new Error('broken');
    const values = merged([source('a', error), source('b'), pending.source]);
    await values.next();
    await values.next();
    if (error === undefined) await values.return();
    else await expect(values.next()).rejects.toThrow('broken');
    await expect.poll(() => ended.toSorted()).toEqual(['a', 'b']);
  });

  it('of no sources end at once', async () => {
    expect(await merged([]).next()).toEqual({ done: true, value: undefined });
  });
});
