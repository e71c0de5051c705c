import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { openArena } from './test-arena.ts';
import { runRounds } from './test-barrier-thread.ts';

const rounds = 2_000;

describe('barrier', () => {
  it.each([1, 2, 5])('lets %i threads go on only when all have come', async (threads) => {
    const { memory, kernel, int32 } = openArena();
    const [state, finished, wrong] = [int32(3).byteOffset, int32(threads), int32(threads)];
    const shared = { state, finished, wrong, threads, rounds };
    const others = Array.from({ length: threads - 1 }, (_, index) => {
      const workerData = { ...shared, memory, own: index + 1 };
      return new Worker(new URL('test-barrier-thread.ts', import.meta.url), { workerData });
    });
    const exits = others.map((worker) => once(worker, 'exit'));
    runRounds({ ...shared, kernel, own: 0 });
    await Promise.all(exits);
    expect([...wrong]).toEqual(Array.from({ length: threads }, () => 0));
    expect([...finished]).toEqual(Array.from({ length: threads }, () => rounds));
  });
});
