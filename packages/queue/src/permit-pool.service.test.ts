import type { PermitResult } from '@prosemill/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPermitPool } from './permit-pool.ts';

/** A handler whose calls wait until the test answers them. */
function manualHandler() {
  const calls: ((result: PermitResult) => void)[] = [];
  return {
    calls,
    onPermit: async () => await new Promise<PermitResult>((resolve) => calls.push(resolve)),
    answer: async (result: PermitResult) => {
      calls.shift()?.(result);
      await new Promise(setImmediate);
    },
  };
}

interface World {
  areHintsLost: boolean;
  /** NaN: the database is away. */
  claimable: number;
  counts: number;
}

async function start(concurrency: number) {
  const world: World = { areHintsLost: false, claimable: 0, counts: 0 };
  const pool = createPermitPool(() => world.areHintsLost);
  const handler = manualHandler();
  const countClaimable = async (): Promise<number> => {
    world.counts += 1;
    if (Number.isNaN(world.claimable)) throw new Error('the database is away');
    return world.claimable;
  };
  await pool.start({ concurrency, leaseMs: 1, onPermit: handler.onPermit, countClaimable });
  onTestFinished(async () => await pool.pause());
  return { pool, world, ...handler };
}

describe('permit pool', () => {
  it('looks again on the same slot while there is work', async () => {
    const { pool, calls, answer } = await start(1);
    pool.wake(1);
    await answer('done');
    expect(calls).toHaveLength(1);
    await answer('nothing');
    expect(calls).toHaveLength(0);
  });

  it('does not look again after a job when a look has found nothing since the last wake that found no free slot', async () => {
    const { pool, calls, answer } = await start(2);
    pool.wake(2);
    await answer('nothing');
    await answer('done');
    expect(calls).toHaveLength(0);
    // Each of these wakes has a slot of its own.
    pool.wake(1);
    pool.wake(1);
    await answer('done');
    await answer('done');
    expect(calls).toHaveLength(0);
  });

  it('looks again after each job while there are more rows than a wake had free slots for', async () => {
    const { pool, calls, answer } = await start(2);
    pool.wake(1);
    await answer('nothing');
    pool.wake(3);
    for (let jobs = 0; jobs < 4; jobs += 1) await answer('done');
    expect(calls).toHaveLength(2);
    await answer('nothing');
    await answer('done');
    expect(calls).toHaveLength(0);
  });

  it('does not take a look for the last word that began before a wake without a free slot', async () => {
    const { pool, calls, answer } = await start(2);
    pool.wake(2);
    // Rows are committed after the look of the first slot, and the second slot is the first to claim one.
    pool.wake(1);
    calls.reverse();
    await answer('done');
    await answer('nothing');
    expect(calls).toHaveLength(2);
  });

  it.each(['unused', 'returned'] as const)('looks again after the next job when a permit was %s', async (result) => {
    const { pool, calls, answer } = await start(2);
    pool.wake(1);
    await answer('nothing');
    pool.wake(2);
    await answer(result);
    expect(calls).toHaveLength(result === 'returned' ? 2 : 1);
    await answer('done');
    expect(calls.length).toBeGreaterThan(0);
  });

  it('looks again after each job while hints are lost', async () => {
    const { pool, world, calls, answer } = await start(1);
    pool.wake(1);
    await answer('nothing');
    pool.wake(1);
    world.areHintsLost = true;
    await answer('done');
    expect(calls).toHaveLength(1);
    await answer('nothing');
    expect(calls).toHaveLength(0);
  });

  it('starts another slot for each wake, up to its concurrency', async () => {
    const { pool, calls } = await start(2);
    pool.wake(1);
    expect(calls).toHaveLength(1);
    pool.wake(1);
    pool.wake(1);
    expect(calls).toHaveLength(2);
  });

  it('starts a slot for each permit of one wake, up to its concurrency', async () => {
    const { pool, calls } = await start(3);
    pool.wake(2);
    expect(calls).toHaveLength(2);
    pool.wake(500);
    expect(calls).toHaveLength(3);
  });

  it('loses no wake that comes during the last look of every slot', async () => {
    const { pool, calls, answer } = await start(1);
    pool.wake(1);
    // The slot is asking the database; the row is committed after that look.
    pool.wake(1);
    await answer('nothing');
    expect(calls).toHaveLength(1);
  });

  it('does not look again after a pause, and stops when the last look is over', async () => {
    const { pool, calls, answer } = await start(1);
    pool.wake(1);
    await pool.pause();
    pool.wake(1);
    let isStopped = false;
    const stopping = pool.stop().then(() => (isStopped = true));
    await new Promise(setImmediate);
    expect(isStopped).toBe(false);
    await answer('done');
    await stopping;
    expect(calls).toHaveLength(0);
  });

  it('finds rows itself while hints are lost, with as many slots as there are rows', async () => {
    const { world, calls } = await start(3);
    world.claimable = 2;
    world.areHintsLost = true;
    await expect.poll(() => calls.length).toBe(2);
    // They claim the rows.
    world.claimable = 0;
    const { counts } = world;
    await expect.poll(() => world.counts).toBeGreaterThan(counts + 1);
    expect(calls).toHaveLength(2);
  });

  it('counts no rows while hints arrive, while every slot is busy, or after a pause', async () => {
    const [heard, busy, paused, looking] = [await start(1), await start(1), await start(1), await start(1)];
    for (const { world } of [busy, paused, looking]) world.areHintsLost = true;
    busy.pool.wake(1);
    await paused.pool.pause();
    await expect.poll(() => looking.world.counts).toBeGreaterThan(2);
    expect([heard, busy, paused].map(({ world }) => world.counts)).toEqual([0, 0, 0]);
  });

  it('goes on looking after a database that was away', async () => {
    const { world, calls } = await start(1);
    world.claimable = Number.NaN;
    world.areHintsLost = true;
    await expect.poll(() => world.counts).toBeGreaterThan(1);
    world.claimable = 1;
    await expect.poll(() => calls.length).toBe(1);
  });
});
