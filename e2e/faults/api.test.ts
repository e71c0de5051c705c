/** APIs that die, restart, lose their clients, or get too many requests. Numbers as in docs/guarantees.md. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createClient } from '@prosemill/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Node } from './cluster.ts';
import {
  clientOf,
  expectAllSucceeded,
  expectNoViolation,
  launch,
  metricOf,
  percentile,
  submitMany,
} from './fault-test.ts';
import { oldestOf, restartOldest } from './faults.ts';
import { type Heard, isRefused, LoadClient, type LoadOwner, longText, shortText } from './load-client.ts';
import { createOwner, withKeys } from './owners.ts';
import { redisCommand } from './redis-command.ts';
import { scaled } from './scale.ts';
import type { Streamed } from './stream-job.ts';
import { faultLasts, patience, until } from './until.ts';

/** The promise for a job that only the database knows. */
const dispatchMs = 5_000;
/** The promise for a refusal, and for a read meanwhile. */
const refusalMs = 50;
const readLimitMs = 100;
/** The load comes from the same two cores and takes its share of these times. */
const loadShare = 6;
/** The allowed growth of the API's memory after its queue is full. */
const maxGrowth = 1.25;

const batchOf = (length: number, prefix: string) =>
  Array.from({ length }, (_, index) => ({ ...shortText, custom_id: `${prefix}-${index}` }));
const submitBatch = async ({ url }: Node, requests: readonly object[], key: string) =>
  await createClient({ url, retryForMs: 0 }).request('batches', {
    method: 'POST',
    headers: { 'Idempotency-Key': key },
    body: { requests },
  });

describe('an API', () => {
  it('11: loses no job when it dies between commit and hint, and recognizes the repeated request', async () => {
    const cluster = await launch({ apis: 0, workers: 1 });
    const environment = { FAILPOINT: 'submit.after_commit:kill9' };
    const dying = await Promise.all([1, 2].map(async () => await cluster.startApi({ environment })));
    // The second job comes right after a round of the reconciler, and so waits for the next round as long as possible.
    for (const [index, node] of dying.entries()) {
      const { recorder } = cluster;
      const client = new LoadClient({ name: `client ${index}`, urls: () => [node.url], recorder });
      expect((await client.submit({ key: `key-${index}` })).status).toBeNull();
      await cluster.stopNode(node, 'SIGKILL');
      const claims = async () => await cluster.sql(`select job_id from job_events where type = 'job-claimed'`);
      await until('the job to be claimed', async () => (await claims()).length === index + 1, 30_000);
    }
    const late = await cluster.sql(`
      select job_id, at - created_at as after from job_events join jobs on jobs.id = job_id
      where type = 'job-claimed' and at > created_at + interval '${dispatchMs} milliseconds'`);
    expect(late).toEqual([]);
    await cluster.startApi();
    for (const [index] of dying.entries()) {
      const again = await clientOf(cluster).submit({ key: `key-${index}` });
      expect(again.status).toBe(202);
      expect(again.headers.get('Idempotent-Replayed')).toBe('true');
    }
    await cluster.settle(20_000);
    await expectAllSucceeded(cluster, 2);
    await expectNoViolation(cluster);
  });

  it('11: loses no job of a batch, before its commit stores none, and recognizes the repeated batch', async () => {
    const cluster = await launch({ apis: 0, workers: 1 });
    const dying = await cluster.startApi({ environment: { FAILPOINT: 'submit.after_commit:kill9' } });
    await expect(submitBatch(dying, batchOf(20, 'night'), 'night')).rejects.toMatchObject({ code: 'no_answer' });
    await cluster.stopNode(dying, 'SIGKILL');
    // The next API dies while many submits are under way: before, in and after their transactions.
    const other = await cluster.startApi();
    const answers = Promise.allSettled(
      Array.from({ length: 20 }, async (_, index) => await submitBatch(other, batchOf(40, 'day'), `day-${index}`)),
    );
    await until('a batch to be stored', async () => (await cluster.sql('select id from batches')).length > 1, 30_000);
    await cluster.stopNode(other, 'SIGKILL');
    await answers;
    const again = await submitBatch(await cluster.startApi(), batchOf(20, 'night'), 'night');
    expect([again.status, again.headers.get('Idempotent-Replayed')]).toEqual([202, 'true']);
    expect(again.body).toMatchObject({ counts: { total: 20 } });
    await cluster.settle(60_000);
    const sizes = await cluster.sql(`
      select batches.id, count(jobs.id) as jobs from batches left join jobs on batch_id = batches.id
      group by batches.id order by batches.created_at`);
    const [first, ...others] = sizes.map(({ jobs }) => Number(jobs));
    expect([first, new Set(others)]).toEqual([20, new Set([40])]);
    await expectAllSucceeded(cluster, 20 + 40 * others.length);
    // These compare the jobs with the recorded submits, and the record has none of this test's batches.
    const ofRecord = new Set<string>(['I2', 'I10']);
    expect((await cluster.verdict()).filter(({ invariant }) => !ofRecord.has(invariant))).toEqual([]);
  });

  it.each(scaled(['full'] as const, ['full', 'postgres'] as const))(
    '12: and a worker, restarted one after the other under load, lose no job and fail no job (%s)',
    async (size) => {
      const cluster = await launch({
        size,
        apis: 2,
        workers: 2,
        environment: { ...withKeys, WORKERS: '8', SHUTDOWN_GRACE_SECONDS: '0' },
      });
      const [ann, bob] = [await createOwner(cluster, 'ann'), await createOwner(cluster, 'bob')];
      const lastIds = new Map<LoadOwner, string>();
      let isOver = false;
      const answers: Heard[] = [];
      const streams: Streamed[] = [];
      const submitters = Array.from({ length: 50 }, async (_, index) => {
        const [owner, other] = index < 25 ? [ann, bob] : [bob, ann];
        const place = index % 25;
        const client = clientOf(cluster, `submitter ${index}`, owner);
        for (let number = 0; !isOver; number += 1) {
          // Some texts take longer than a worker's grace, so they are handed back.
          const request = place % 10 === 0 ? longText : shortText;
          if (place % 5 === 3) {
            streams.push(await client.stream({ key: `${place}-${number}`, request: longText }));
            continue;
          }
          const answer = await client.submit(
            place % 2 === 0 ? { key: `${place}-${number}`, request } : { path: '/generate', waitSeconds: 5, request },
          );
          answers.push(answer);
          // I7: the job of another owner is not visible.
          const strange = lastIds.get(other);
          if (strange !== undefined) await client.read(strange);
          if (answer.id !== null) lastIds.set(owner, answer.id);
          if (answer.status === 202 && answer.id !== null) await client.read(answer.id, 5);
          if (answer.status === 503) await faultLasts(answer.retryAfterMs ?? 0);
        }
      });
      // In two rounds every process is restarted.
      try {
        for (let round = 0; round < scaled(2, 12); round += 1) {
          expect(await restartOldest(cluster, 'apis')).toBe(0);
          expect(await restartOldest(cluster, 'workers')).toBe(0);
          await faultLasts(scaled(3_000, 10_000));
        }
      } finally {
        isOver = true;
      }
      await Promise.all(submitters);
      await cluster.settle(120_000);
      expect(answers.flatMap(({ failure }) => failure ?? [])).toEqual([]);
      const statuses = new Set(answers.map(({ status }) => status));
      expect([...statuses].filter((status) => status !== 200 && status !== 202 && status !== 503)).toEqual([]);
      expect(answers.filter(({ status, retryAfterMs }) => status === 503 && retryAfterMs === null)).toEqual([]);
      expect(await cluster.sql(`select id from jobs where crash_count > 0 or status <> 'succeeded'`)).toEqual([]);
      expect(streams.filter(({ isCompleted }) => !isCompleted)).toEqual([]);
      const endings = streams.flatMap((stream) => stream.endings);
      expect(endings.filter((ending) => ending.type === 'lost' && !isRefused(ending.cause))).toEqual([]);
      expect(endings.filter((ending) => ending.type === 'refused' && ending.response.status !== 503)).toEqual([]);
      // The fault has happened. A 503 needs a request that reaches an API in its last moments, so none may come.
      expect(endings.map(({ type }) => type)).toContain('ended');
      expect(await cluster.sql('select id from jobs where released_count > 0 limit 1')).toHaveLength(1);
      await expectNoViolation(cluster);
    },
  );

  it('13: forgets a thousand clients, half of which stream, as soon as they leave, and their jobs go on', async () => {
    // A snapshot collects all garbage first.
    const folder = await mkdtemp(join(tmpdir(), 'prosemill-heap-'));
    onTestFinished(async () => await rm(folder, { recursive: true }));
    const environment = { NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${folder}` };
    const cluster = await launch({ workers: 0, environment });
    const heapOf = async (node: Node) => {
      const before = (await readdir(folder)).length;
      node.process.child.kill('SIGUSR2');
      await until('a collection', async () => (await readdir(folder)).length > before, 30_000);
      return await metricOf(node, 'nodejs_heap_size_used_bytes');
    };
    const api = oldestOf(cluster, 'apis');
    const clients = async () => [await metricOf(api, 'prosemill_waiters'), await metricOf(api, 'prosemill_streams')];
    const client = clientOf(cluster, 'a thousand');
    // One token, because the test is about clients and not about texts.
    const request = { ...shortText, max_new_tokens: 1 };
    const leave = async () => {
      const leaving = new AbortController();
      const { signal } = leaving;
      const requests = Array.from({ length: 1_000 }, async (_, index) =>
        index % 2 === 0
          ? await client.submit({ path: '/generate', waitSeconds: 60, request, signal })
          : await client.stream({ request, signal }),
      );
      await until('a thousand clients', async () => isDeepStrictEqual(await clients(), [1_000, 500]), 30_000);
      leaving.abort();
      await Promise.all(requests);
      await until('no client', async () => isDeepStrictEqual(await clients(), [0, 0]), patience * 1_000);
    };
    const heap: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      await leave();
      heap.push(await heapOf(api));
    }
    await leave();
    // Reads on behalf of the clients that left end a moment later.
    await until('the heap to be as it was', async () => (await heapOf(api)) < 1.05 * Math.min(...heap), 30_000);
    await cluster.startWorker({ environment: { WORKERS: '32' } });
    await cluster.settle(60_000);
    await expectAllSucceeded(cluster, 3_000);
    await expectNoViolation(cluster);
  });

  it('16: gets twice as many jobs as its bound, refuses fast, keeps to the bound, and runs the accepted jobs', async () => {
    const bound = scaled(1_000, 10_000);
    const cluster = await launch({
      apis: 2,
      workers: 1,
      environment: { MAX_QUEUE_LENGTH: String(bound), WORKERS: '32' },
      limits: { gauges: { depth: { max: bound * 1.05, final: 0 } } },
    });
    const request = { prompt: 'Once upon a time', max_new_tokens: 32 };
    const memory = async () =>
      await Promise.all(cluster.apis.map((api) => metricOf(api, 'process_resident_memory_bytes')));
    const refused: Heard[] = [];
    const readMs: number[] = [];
    let left = 2 * bound;
    let lastId = '';
    // More submits than the service can take, until the queue is full; then a load that leaves it time to answer.
    const submitters = Array.from({ length: 50 }, async (_, index) => {
      const client = clientOf(cluster, `submitter ${index}`);
      while (left > 0 && (index < 4 || refused.length === 0)) {
        left -= 1;
        const answer = await client.submit({ request });
        if (answer.status === 503) refused.push(answer);
        lastId = answer.id ?? lastId;
      }
    });
    const sampleDepth = async () =>
      cluster.recorder.add({ type: 'gauge', name: 'depth', value: await cluster.countQueued() });
    const sampling = setInterval(() => void sampleDepth(), 100);
    onTestFinished(() => clearInterval(sampling));
    const reader = clientOf(cluster, 'reader');
    await until('a full queue', () => refused.length > 0, scaled(60_000, 600_000));
    const memoryWhenFull = await memory();
    while (left > 0) readMs.push((await reader.read(lastId)).tookMs);
    await Promise.all(submitters);
    clearInterval(sampling);
    await cluster.settle(scaled(60_000, 900_000));
    await sampleDepth();
    expect(refused.filter(({ body, retryAfterMs }) => body['code'] !== 'queue_full' || retryAfterMs === null)).toEqual(
      [],
    );
    expect(refused.length).toBeGreaterThan(0);
    expect(
      percentile(
        refused.map(({ tookMs }) => tookMs),
        0.99,
      ),
    ).toBeLessThan(patience * loadShare * refusalMs);
    expect(percentile(readMs, 0.99)).toBeLessThan(patience * loadShare * readLimitMs);
    expect(await cluster.sql(`select id from jobs where status <> 'succeeded'`)).toEqual([]);
    expect(Math.max(...(await memory()))).toBeLessThan(maxGrowth * Math.max(...memoryWhenFull));
    await expectNoViolation(cluster);
  });

  it('16: goes on taking jobs when Redis is full', async () => {
    const cluster = await launch({ workers: 1 });
    const client = clientOf(cluster);
    const url = cluster.redis?.url ?? '';
    await redisCommand(url, 'CONFIG SET maxmemory 1');
    await submitMany(client, 20);
    await redisCommand(url, 'CONFIG SET maxmemory 0');
    await cluster.settle(30_000);
    await expectAllSucceeded(cluster, 20);
    await expectNoViolation(cluster);
  });
});
