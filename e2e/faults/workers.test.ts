/** Workers that die, freeze, or are killed by a job. Numbers as in docs/guarantees.md. */
import { describe, expect, it } from 'vitest';
import { shortLeaseSeconds } from './cluster.ts';
import {
  clientOf,
  expectAllSucceeded,
  expectNoViolation,
  launch,
  metricOf,
  startedOn,
  submitMany,
} from './fault-test.ts';
import { longText } from './load-client.ts';
import { scaled } from './scale.ts';
import { faultLasts, patience, until } from './until.ts';

const leaseMs = shortLeaseSeconds * 1_000;
const sizes = ['full', 'postgres'] as const;
/** The promise for a rescue after the lease. */
const rescueMs = 10_000;

describe('a worker', () => {
  it.each(sizes)('1: that is killed mid-job is replaced by another (%s)', async (size) => {
    const cluster = await launch({ size, workers: 0 });
    const client = clientOf(cluster);
    const doomed = await cluster.startWorker({ environment: { WORKERS: '5', FAILPOINT: 'worker.after_claim:sleep' } });
    const ids = await submitMany(client, 20, { request: longText });
    await until('five jobs to start', () => startedOn(doomed).length === 5, 20_000);
    await cluster.startWorker();
    const killed = new Set(startedOn(doomed));
    await cluster.stopNode(doomed, 'SIGKILL');
    const again = async () => await cluster.sql('select id from jobs where attempt = 2');
    await until(
      'a rerun of what was killed',
      async () => (await again()).length === killed.size,
      leaseMs + patience * rescueMs,
    );
    await cluster.settle(120_000);

    await expectAllSucceeded(cluster, ids.length);
    const rows = await cluster.sql('select id, attempt, crash_count from jobs');
    for (const { id, attempt, crash_count: crashes } of rows) {
      expect([attempt, crashes]).toEqual(killed.has(String(id)) ? [2, 1] : [1, 0]);
    }
    const first = await Promise.all(ids.map(async (id) => (await client.read(id)).body));
    expect(await Promise.all(ids.map(async (id) => (await client.read(id)).body))).toEqual(first);
    await expectNoViolation(cluster);
  });

  /** Both sizes run at the same time, because they mostly wait for leases. */
  it('2: that is frozen for longer than its lease cannot write to the jobs that it lost', async () => {
    const goThrough = async (size: (typeof sizes)[number]) => {
      const cluster = await launch({ size, workers: 0 });
      const client = clientOf(cluster);
      const frozen = await cluster.startWorker({ environment: { FAILPOINT: 'worker.before_complete:sleep' } });
      const [id = ''] = await submitMany(client, 1);
      await until('a text that is not written yet', () => frozen.process.output.includes('failpoint'), 20_000);
      frozen.process.child.kill('SIGSTOP');
      await cluster.startWorker();
      await faultLasts(2 * leaseMs);
      await cluster.settle(rescueMs);
      const before = (await client.read(id)).body;
      frozen.process.child.kill('SIGCONT');
      await until(
        'the late result to be dropped',
        async () => (await metricOf(frozen, 'prosemill_stale_completions_total')) === 1,
        20_000,
      );
      expect((await client.read(id)).body).toEqual(before);
      expect(before).toMatchObject({ status: 'succeeded', attempt: 2 });
      await expectNoViolation(cluster);
    };
    await Promise.all(sizes.map(goThrough));
  });

  it('3: with the longest texts renews its leases in time', async () => {
    const cluster = await launch({ workers: 0 });
    const worker = await cluster.startWorker({ environment: { WORKERS: '32' } });
    const prompt = 'Once upon a time there was a king. '.repeat(14).trim();
    const request = { ...longText, prompt, max_new_tokens: 300 };
    const end = performance.now() + scaled(5_000, 5 * 60_000);
    let count = 0;
    while (performance.now() < end) {
      count += (await submitMany(clientOf(cluster), 32, { request })).length;
      await until('a free slot', async () => (await cluster.countOpen()) < 32, 60_000);
    }
    await cluster.settle(120_000);
    await expectAllSucceeded(cluster, count);
    expect(await metricOf(worker, 'nodejs_eventloop_lag_max_seconds')).toBeLessThan(1);
    expect(await metricOf(worker, 'prosemill_rescues_total')).toBe(0);
    expect(await cluster.sql('select id from jobs where attempt > 1')).toEqual([]);
    await expectNoViolation(cluster);
  });

  it.each(sizes)(
    '14: that is killed by a job gives this job up after three starts, and its other jobs succeed (%s)',
    async (size) => {
      const cluster = await launch({ size, workers: 0, limits: { mayFail: true } });
      const client = clientOf(cluster);
      const worker = await cluster.startWorker({ environment: { WORKERS: '8', FAILPOINT: 'engine.poison:kill9' } });
      await submitMany(client, 25);
      const [poison = ''] = await submitMany(client, 1, { request: { prompt: 'A poisonpill', max_new_tokens: 8 } });
      await submitMany(client, 25);
      await cluster.settle(60_000);
      expect((await client.read(poison)).body).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
      expect(cluster.startsOf(poison)).toBeLessThanOrEqual(3);
      expect(await cluster.sql(`select id from jobs where status <> 'succeeded'`)).toEqual([{ id: poison }]);
      expect(await metricOf(worker, 'prosemill_crashes_total')).toBeGreaterThanOrEqual(3);
      await expectNoViolation(cluster);
    },
  );
});
