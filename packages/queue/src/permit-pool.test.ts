import { describe, expect, it } from 'vitest';
import { createPermitPool } from './permit-pool.ts';

/** A handler whose every call waits to be answered. */
function manualHandler() {
  const calls: ((hasWork: boolean) => void)[] = [];
  return {
    calls,
    onPermit: async () => await new Promise<boolean>((resolve) => calls.push(resolve)),
    answer: async (hasWork: boolean) => {
      calls.shift()?.(hasWork);
      await new Promise(setImmediate);
    },
  };
}

async function start(concurrency: number) {
  const pool = createPermitPool();
  const handler = manualHandler();
  await pool.start({ concurrency, leaseMs: 1, onPermit: handler.onPermit });
  return { pool, ...handler };
}

describe('permit pool', () => {
  it('looks for work on every slot when it starts', async () => {
    const { calls } = await start(3);
    expect(calls).toHaveLength(3);
  });

  it('looks again on the same slot as long as there was work', async () => {
    const { calls, answer } = await start(1);
    await answer(true);
    expect(calls).toHaveLength(1);
    await answer(false);
    expect(calls).toHaveLength(0);
  });

  it('starts one more slot for each wake, up to its concurrency', async () => {
    const { pool, calls, answer } = await start(2);
    await answer(false);
    await answer(false);
    pool.wake(1);
    expect(calls).toHaveLength(1);
    pool.wake(1);
    pool.wake(1);
    expect(calls).toHaveLength(2);
  });

  it('starts as many slots as one wake has permits for, up to its concurrency', async () => {
    const { pool, calls, answer } = await start(3);
    for (let slot = 0; slot < 3; slot += 1) await answer(false);
    pool.wake(2);
    expect(calls).toHaveLength(2);
    pool.wake(500);
    expect(calls).toHaveLength(3);
  });

  it('loses no wake that comes while every slot is at its last look', async () => {
    const { pool, calls, answer } = await start(1);
    // The slot is asking the database; the row is committed after that look.
    pool.wake(1);
    await answer(false);
    expect(calls).toHaveLength(1);
  });

  it('looks at nothing new after a pause, and stops when the last look is over', async () => {
    const { pool, calls, answer } = await start(1);
    await pool.pause();
    pool.wake(1);
    let isStopped = false;
    const stopping = pool.stop().then(() => (isStopped = true));
    await new Promise(setImmediate);
    expect(isStopped).toBe(false);
    await answer(true);
    await stopping;
    expect(calls).toHaveLength(0);
  });
});
