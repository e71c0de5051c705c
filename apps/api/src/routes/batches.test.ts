import type { BatchBody, JobPage, Problem } from '@prosemill/contract';
import { newId } from '@prosemill/core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createKey } from '../auth/create-key.ts';
import { endNext, openTestApi, serveModel, type TestApi, type TestApiOptions } from '../test-api.ts';

let opened: TestApi;
beforeAll(async () => {
  opened = await openTestApi({ forbiddenWords: ['hate'] });
  await serveModel(opened.store, { contextLength: 60 });
});
afterAll(async () => {
  await opened.close();
});

interface Sent {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(path: string, { method = 'POST', body, headers = {} }: Sent = {}, { api } = opened) {
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await api.app.request(path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...content,
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    json: (text === '' ? null : JSON.parse(text)) as unknown,
  };
}

const requestsOf = (count: number, changes: object = {}) =>
  Array.from({ length: count }, (_, index) => ({ custom_id: `job-${index}`, prompt: 'Once', ...changes }));

async function submit(requests: readonly object[], headers: Readonly<Record<string, string>> = {}) {
  const answer = await send('/batches', { body: { requests }, headers });
  return { ...answer, batch: answer.json as BatchBody, problem: answer.json as Problem };
}

const read = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
  const answer = await send(path, { method: 'GET', headers });
  return { ...answer, batch: answer.json as BatchBody };
};

const countJobs = async () => (await opened.store.jobs.measureQueue()).queued;

async function open(options: TestApiOptions) {
  const other = await openTestApi(options);
  onTestFinished(async () => await other.close());
  return other;
}

describe('a batch', () => {
  it('stores a job for each request', async () => {
    const { status, headers, batch } = await submit([
      { custom_id: 'b', prompt: 'Once', max_new_tokens: 5, metadata: { page: '1' } },
      { custom_id: 'a', prompt: 'Twice', priority: 'low', seed: 7 },
    ]);
    expect([status, headers.get('Location')]).toEqual([202, `/batches/${batch.id}`]);
    expect(Number(headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(batch).toMatchObject({
      object: 'batch',
      status: 'in_progress',
      counts: { total: 2, queued: 2, running: 0, succeeded: 0, failed: 0, canceled: 0, expired: 0 },
      jobs: [
        { custom_id: 'a', status: 'queued' },
        { custom_id: 'b', status: 'queued' },
      ],
      finished_at: null,
    });
    const { json } = await send(batch.urls.jobs, { method: 'GET' });
    const jobs = (json as JobPage).data.toSorted((a, b) => ((a.custom_id ?? '') < (b.custom_id ?? '') ? -1 : 1));
    expect(jobs).toMatchObject([
      { batch_id: batch.id, custom_id: 'a', prompt: 'Twice', seed: 7 },
      { batch_id: batch.id, custom_id: 'b', parameters: { max_new_tokens: 5 }, metadata: { page: '1' } },
    ]);
    const single = await send('/jobs', { body: { prompt: 'Once' } });
    expect(single.json).toMatchObject({ batch_id: null, custom_id: null });
    await send(batch.urls.cancel);
  });

  it.each([
    [[], ['/requests']],
    [requestsOf(101), ['/requests']],
    [[...requestsOf(2), { custom_id: 'job-1', prompt: 'Once' }], ['/requests/2/custom_id']],
    [
      [...requestsOf(3), { custom_id: 'x', prompt: '' }, { custom_id: 'y' }],
      ['/requests/3/prompt', '/requests/4/prompt'],
    ],
    [[{ prompt: 'Once' }], ['/requests/0/custom_id']],
    [[{ custom_id: 'x'.repeat(65), prompt: 'Once' }], ['/requests/0/custom_id']],
    [[{ custom_id: 'x', prompt: 'Once', on_disconnect: 'cancel' }], ['/requests/0/on_disconnect']],
    [[{ custom_id: 'x', prompt: 'Once', top_p: 2 }], ['/requests/0/top_p']],
  ])('is refused with the pointers of its faults (case %#)', async (requests, pointers) => {
    const before = await countJobs();
    const { status, problem } = await submit(requests);
    expect([status, problem.errors.map(({ pointer }) => pointer)]).toEqual([422, pointers]);
    expect(await countJobs()).toBe(before);
  });

  it.each([
    ['I hate it', 400, 'prompt_refused'],
    ['x'.repeat(60), 422, 'context_length_exceeded'],
  ])('is refused with the pointers of prompts that are refused: %s', async (prompt, status, code) => {
    const before = await countJobs();
    const [refused, good] = [requestsOf(5, { prompt }), requestsOf(5)];
    const requests = good.map((each, index) => (index % 2 === 0 ? each : (refused[index] ?? each)));
    const answer = await submit(requests, { 'Idempotency-Key': `refused-${code}` });
    expect([answer.status, answer.problem.code]).toEqual([status, code]);
    expect(answer.problem.errors.map(({ pointer, code: each }) => [pointer, each])).toEqual([
      ['/requests/1/prompt', code],
      ['/requests/3/prompt', code],
    ]);
    expect(await countJobs()).toBe(before);
    expect((await submit(requestsOf(1), { 'Idempotency-Key': `refused-${code}` })).status).toBe(202);
  });

  it('is the same batch for the same Idempotency-Key and body', async () => {
    const headers = { 'Idempotency-Key': 'night-7' };
    const first = await submit(requestsOf(3), headers);
    const again = await submit(requestsOf(3, { top_p: 1, metadata: null }), headers);
    expect([first.headers.get('Idempotent-Replayed'), again.headers.get('Idempotent-Replayed')]).toEqual([
      null,
      'true',
    ]);
    expect([again.status, again.batch.id]).toEqual([202, first.batch.id]);
    for (const requests of [requestsOf(2), requestsOf(3, { prompt: 'x' }), requestsOf(3).toReversed()]) {
      expect((await submit(requests, headers)).problem.code).toBe('idempotency_key_reused');
    }
    const single = await send('/jobs', { body: { prompt: 'Once' }, headers });
    expect(single.json).toMatchObject({ code: 'idempotency_key_reused' });
    const one = { 'Idempotency-Key': 'one' };
    const [batch, job] = [
      await submit(requestsOf(1), one),
      await send('/jobs', { body: { prompt: 'Once' }, headers: one }),
    ];
    expect([batch.status, job.status]).toEqual([202, 422]);
  });

  it('has an ETag, which changes with every change of a job', async () => {
    const { batch } = await submit(requestsOf(2, { priority: 'normal' }));
    const { headers } = await read(batch.urls.self);
    const etag = headers.get('ETag') ?? '';
    const unchanged = await read(batch.urls.self, { 'If-None-Match': etag });
    expect([unchanged.status, unchanged.json, unchanged.headers.get('ETag')]).toEqual([304, null, etag]);
    await send(`/jobs/${batch.jobs[0]?.id}/cancel`);
    const changed = await read(batch.urls.self, { 'If-None-Match': etag });
    expect([changed.status, changed.batch.counts.canceled, changed.batch.counts.queued]).toEqual([200, 1, 1]);
    await send(batch.urls.cancel);
  });

  it('ends when each of its jobs has ended, and a wait ends with it', async () => {
    const other = await open({});
    const { json } = await send('/batches', { body: { requests: requestsOf(3) } }, other);
    const { id } = json as BatchBody;
    const waiting = send(`/batches/${id}?wait=60`, { method: 'GET' }, other);
    for (let count = 0; count < 3; count += 1) await endNext(other.store);
    const { status, json: ended, headers } = await waiting;
    expect(ended).toMatchObject({ status: 'ended', counts: { succeeded: 3, total: 3 }, estimated_finish_at: null });
    expect((ended as BatchBody).finished_at).not.toBeNull();
    expect([status, headers.get('Retry-After')]).toEqual([200, null]);
  });

  it('is canceled with all of its jobs', async () => {
    const other = await open({});
    const { json } = await send('/batches', { body: { requests: requestsOf(3) } }, other);
    const { id } = json as BatchBody;
    const claimed = await other.store.jobs.claim({
      workerId: 'w',
      model: { name: 'm', revision: '', engine: 'e', dtype: 'd', fingerprint: 'f' },
      leaseMs: 30_000,
      fromClass: 0,
    });
    const canceled = await send(`/batches/${id}/cancel`, {}, other);
    expect([canceled.status, canceled.headers.get('Location')]).toEqual([202, `/batches/${id}`]);
    expect(canceled.json).toMatchObject({ status: 'in_progress', counts: { canceled: 2, running: 1 } });
    const key = { id: claimed?.job.id ?? '', attempt: 1 };
    await other.store.jobs.complete(key, { type: 'canceled', partial: null });
    const again = await send(`/batches/${id}/cancel`, {}, other);
    expect([again.status, again.json]).toMatchObject([200, { status: 'ended', counts: { canceled: 3 } }]);
  });

  it.each(['nonsense', newId()])('%s is unknown', async (id) => {
    for (const [path, method] of [
      [`/batches/${id}`, 'GET'],
      [`/batches/${id}/cancel`, 'POST'],
    ] as const) {
      expect((await send(path, { method })).json).toMatchObject({ status: 404, code: 'not_found' });
    }
  });

  it('of n jobs counts as n in the rate limit', async () => {
    const limited = await open({ access: { auth: 'keys', adminKey: 'a'.repeat(32) }, submitsPerMinute: 20 });
    const { secret } = await createKey(limited.store.apiKeys, { owner: 'ann', name: 'k', scopes: ['generate'] });
    const headers = { Authorization: `Bearer ${secret}` };
    const batchOf = async (count: number) =>
      await send('/batches', { body: { requests: requestsOf(count) }, headers }, limited);
    const first = await batchOf(15);
    expect([first.status, first.headers.get('RateLimit')]).toEqual([202, expect.stringMatching(/^"submit";r=5;/)]);
    expect((await batchOf(6)).json).toMatchObject({ code: 'rate_limited' });
    expect((await batchOf(21)).json).toMatchObject({ code: 'invalid_request' });
    expect((await batchOf(4)).status).toBe(202);
  });

  it('of n jobs counts as n in the queue', async () => {
    const small = await open({ maxQueueLength: 10 });
    const batchOf = async (count: number) => await send('/batches', { body: { requests: requestsOf(count) } }, small);
    const never = await batchOf(11);
    expect(never.json).toMatchObject({ status: 422, code: 'invalid_request' });
    expect(never.headers.get('x-should-retry')).toBe('false');
    expect((await batchOf(7)).status).toBe(202);
    expect((await batchOf(4)).json).toMatchObject({ code: 'queue_full' });
    expect((await batchOf(3)).status).toBe(202);
    expect((await small.store.jobs.measureQueue()).queued).toBe(10);
  });

  it('may have the longest prompts, and a body that large', async () => {
    const large = await open({});
    const prompt = '👑'.repeat(500);
    expect((await send('/batches', { body: { requests: requestsOf(100, { prompt }) } }, large)).status).toBe(202);
  });
});
