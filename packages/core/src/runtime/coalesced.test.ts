import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { coalesced } from './coalesced.ts';

describe('a coalesced load', () => {
  let loads: PromiseWithResolvers<number>[];
  const load = async (): Promise<number> => {
    const next = Promise.withResolvers<number>();
    loads.push(next);
    return await next.promise;
  };

  beforeEach(() => {
    loads = [];
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => void vi.useRealTimers());

  it('is shared by all callers while it runs, however long that takes', async () => {
    const read = coalesced(1_000, load);
    const first = read();
    vi.advanceTimersByTime(10_000);
    const second = read();
    loads[0]?.resolve(1);
    expect(await Promise.all([first, second])).toEqual([1, 1]);
    expect(loads).toHaveLength(1);
  });

  it('is repeated when its value is too old, counted from the start of the load', async () => {
    const read = coalesced(1_000, load);
    const first = read();
    vi.advanceTimersByTime(600);
    loads[0]?.resolve(1);
    await first;
    vi.advanceTimersByTime(399);
    expect(await read()).toBe(1);
    vi.advanceTimersByTime(1);
    const second = read();
    loads[1]?.resolve(2);
    expect(await second).toBe(2);
  });

  it('is not repeated sooner when it fails', async () => {
    const read = coalesced(1_000, load);
    const failed = read();
    loads[0]?.reject(new Error('away'));
    await expect(failed).rejects.toThrow('away');
    await expect(read()).rejects.toThrow('away');
    expect(loads).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    const again = read();
    loads[1]?.resolve(2);
    expect(await again).toBe(2);
  });

  it('is shared only while it runs, when no age is allowed', async () => {
    const read = coalesced(0, load);
    const first = read();
    expect(read()).toBe(first);
    loads[0]?.resolve(1);
    await first;
    const second = read();
    loads[1]?.resolve(2);
    expect(await second).toBe(2);
  });
});
