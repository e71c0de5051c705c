import { machineSchema, type MachineBody } from '@prosemill/contract';
import { AppError, bucketOf, type Job, lookMs, type NewJob, newId, type WorkerReport } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { newJob, silentLogger } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createKey } from '../auth/create-key.ts';
import { endNext, openTestApi, readyWorker, testModel, type TestApiOptions } from '../test-api.ts';

async function open(options: TestApiOptions = {}) {
  const opened = await openTestApi(options);
  onTestFinished(async () => await opened.close());
  const { store } = opened;
  const read = async (query = '', secret?: string): Promise<MachineBody> => {
    const headers = secret === undefined ? {} : { Authorization: `Bearer ${secret}` };
    const response = await opened.api.app.request(`/machine${query}`, { headers });
    expect(response.status).toBe(200);
    return machineSchema.parse(await response.json());
  };
  const submit = async (overrides: Partial<NewJob> = {}): Promise<Job> => await store.jobs.submit(newJob(overrides));
  const report = async (changes: Partial<WorkerReport> = {}): Promise<boolean> =>
    await store.workers.report(readyWorker({ id: 'w', model: testModel, slots: 2, ...changes }));
  return { ...opened, read, submit, report };
}

const away = async (): Promise<never> => {
  throw new AppError('database_unavailable');
};
const error = (share: number, count: number) =>
  ({ name: 'estimate-error', bucket: bucketOf(1_000 * share), count }) as const;
const none = { succeeded: 0, failed: 0, canceled: 0, expired: 0 };
const unknown = { p50: null, p95: null, p99: null };

describe('GET /machine', () => {
  it('shows an empty service', async () => {
    const { read } = await open({ maxQueueLength: 7 });
    const body = await read();
    expect(body).toEqual({
      now: expect.any(String) as string,
      status: 'degraded',
      problems: ['No worker is running.'],
      queue: { callers: 0, normal: 0, low: 0, running: 0, oldest_age_s: null, paused: false, limit: 7 },
      workers: [],
      rates: { tokens: null, accepted: 0, refused: 0, ended: none },
      latency: { queue_ms: unknown, first_token_ms: unknown, total_ms: unknown },
      estimate_error: unknown,
    });
    expect(Math.abs(Date.parse(body.now) - Date.now())).toBeLessThan(5_000);
  });

  it('shows the queue by class, the rates of the last minute, and the times of what succeeded', async () => {
    const { read, submit, report, store } = await open();
    await report();
    for (let jobs = 0; jobs < 3; jobs += 1) await submit();
    await endNext(store);
    await endNext(store, {
      outcome: { type: 'failed', error: { code: 'generation_failed', message: '' }, partial: null },
    });
    await submit({ priorityClass: 0 });
    await submit({ priorityClass: 2 });
    const { queue, rates, latency, status } = await read();
    expect([status, queue]).toMatchObject(['healthy', { callers: 1, normal: 1, low: 1, running: 0 }]);
    expect(queue?.oldest_age_s).toBeLessThan(10);
    expect(rates).toEqual({
      tokens: null,
      accepted: 0.08,
      refused: 0,
      ended: { ...none, succeeded: 0.02, failed: 0.02 },
    });
    expect(latency?.first_token_ms.p50).toBeCloseTo(1, 0);
    expect(latency?.total_ms.p99).toBeLessThan(10_000);
  });

  it('shows the slots of each worker, and only to the owner whose jobs they are', async () => {
    const { read, report, store } = await open({ access: { auth: 'keys', adminKey: null } });
    const [own, foreign] = [newId(), newId()];
    await report({
      activity: {
        slots: [
          { jobId: own, ownerId: 'a', tokens: 3, limit: 20 },
          null,
          { jobId: foreign, ownerId: 'b', tokens: 0, limit: null },
        ],
        tokensPerSecond: 12.345,
      },
    });
    await report({ id: 'quiet' });
    const { secret } = await createKey(store.apiKeys, { owner: 'a', name: 'k', scopes: ['read'] });
    const { workers, rates } = await read('', secret);
    expect(workers.find(({ id }) => id === 'w')).toMatchObject({
      model: testModel,
      tokens_per_second: 12.35,
      slot_states: [
        { tokens: 3, limit: 20, phase: 'writing', job_id: own },
        null,
        { tokens: 0, limit: null, phase: 'prompt', job_id: null },
      ],
    });
    expect(workers.find(({ id }) => id === 'quiet')).toMatchObject({ tokens_per_second: null, slot_states: null });
    expect(rates?.tokens).toBe(12.35);
  });

  it('shows the refused submits and the errors of estimates that any process has noted', async () => {
    const { read, store } = await open();
    await store.measures.addTallies([{ name: 'refused', bucket: 0, count: 30 }, error(0.1, 90), error(0.5, 10)]);
    const { rates, estimate_error: found } = await read();
    expect(rates?.refused).toBe(0.5);
    expect([found?.p50, found?.p95]).toEqual([expect.closeTo(0.1, 1), expect.closeTo(0.5, 1)]);
  });

  it('notes a submit that the queue refuses', async () => {
    const { read, api, store } = await open({ maxQueueLength: 1 });
    const submit = async () =>
      await api.app.request('/jobs', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ prompt: 'a' }),
      });
    expect([(await submit()).status, (await submit()).status]).toEqual([202, 503]);
    await expect
      .poll(async () => await store.measures.sumTallies(60_000), { timeout: 10_000 })
      .toEqual([{ name: 'refused', bucket: 0, count: 1 }]);
    expect((await read()).rates?.refused).toBe(0.02);
  });

  it('is for readers and administrators', async () => {
    const { read, api, store } = await open({ access: { auth: 'keys', adminKey: null } });
    const secretOf = async (scope: 'generate' | 'read' | 'admin') =>
      (await createKey(store.apiKeys, { owner: 'a', name: 'k', scopes: [scope] })).secret;
    for (const scope of ['read', 'admin'] as const) await read('', await secretOf(scope));
    const headers = { Authorization: `Bearer ${await secretOf('generate')}` };
    const refused = await api.app.request('/machine', { headers });
    expect([refused.status, await refused.json()]).toMatchObject([
      403,
      { code: 'forbidden', detail: 'This needs an API key with the scope read or admin.' },
    ]);
  });

  it('tells the workers that somebody looks, once for any number of lookers', async () => {
    const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
    const heard: (readonly string[])[] = [];
    const isHeard = Promise.withResolvers<void>();
    wakeUps.subscribe(({ type, ids }) => {
      if (type === 'worker-look') heard.push(ids);
      isHeard.resolve();
    });
    const { read, report } = await open({ wakeUps });
    expect(await report()).toBe(false);
    await Promise.all(Array.from({ length: 20 }, async () => await read()));
    await isHeard.promise;
    expect([heard, await report()]).toEqual([[['w']], true]);
    expect(lookMs).toBeGreaterThan(2 * 1_000);
  });

  it('has a past of one value for each second, if it is asked for', async () => {
    const { read, submit, report, store } = await open();
    await report({ speed: { stepMs: 2, textMs: 1, newTokenShare: 1 } });
    await submit();
    await endNext(store);
    await submit();
    const { history, now } = await read('?history=900');
    const short = (await read('?history=60')).history;
    if (history == null || short == null) throw new Error('There is no past.');
    const { queue, rates, latency } = history;
    const series = [queue, rates.ended, latency.queue_ms, latency.total_ms].flatMap((each) => Object.values(each));
    for (const values of [...series, rates.tokens, rates.accepted]) expect(values).toHaveLength(900);
    expect(Date.parse(now) - Date.parse(history.from)).toBeGreaterThan(899_000);
    expect(Math.max(...queue.normal)).toBeGreaterThan(0);
    expect([rates.accepted[0], rates.accepted.at(-1), rates.ended.succeeded.at(-1)]).toEqual([0, 0.03, 0.02]);
    expect([latency.total_ms.p50[0], typeof latency.total_ms.p50.at(-1)]).toEqual([null, 'number']);
    expect(short.queue.normal).toEqual(queue.normal.slice(-60));
    expect((await read()).history).toBeUndefined();
  });

  it.each(['0', '901', 'x', ''])('refuses a past of "%s" seconds', async (seconds) => {
    const { api } = await open();
    expect((await api.app.request(`/machine?history=${seconds}`)).status).toBe(422);
  });

  it('answers while the database is away, as far as it can', async () => {
    const { read, store } = await open();
    Object.assign(store.workers, { listLive: away, look: away });
    Object.assign(store.measures, { countJobs: away, countTimes: away, sumTallies: away, trace: away });
    expect(await read('?history=60')).toMatchObject({
      status: 'degraded',
      queue: null,
      workers: [],
      rates: null,
      latency: null,
      estimate_error: null,
      history: null,
    });
  });
});
