import type { JobBody, Problem } from '@prosemill/contract';
import { newId } from '@prosemill/core';
import { newJob } from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endNext, openTestApi, type TestApi } from '../test-api.ts';

interface Sent {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const json = (body: object, headers: Readonly<Record<string, string>> = {}): Sent => ({
  body: JSON.stringify(body),
  headers: { 'Content-Type': 'application/json', ...headers },
});

describe('POST /jobs/{id}/retry', () => {
  let opened: TestApi;
  beforeAll(async () => {
    opened = await openTestApi();
  });
  afterAll(async () => {
    await opened.close();
  });

  const post = async (path: string, sent: Sent = {}) => await opened.api.app.request(path, { method: 'POST', ...sent });
  const submit = async (body: object, path = '/jobs'): Promise<JobBody> =>
    (await (await post(path, json(body, { Prefer: 'respond-async' }))).json()) as JobBody;
  const stored = async (id: string) => await opened.store.jobs.find('local', id);
  const retry = async (id: string, sent?: Sent) => await post(`/jobs/${id}/retry`, sent);
  const retried = async (id: string, sent?: Sent): Promise<JobBody> => {
    const answer = await retry(id, sent);
    expect(answer.status).toBe(202);
    return (await answer.json()) as JobBody;
  };
  /** Submits a job, and cancels it. */
  const ended = async (body: object, path?: string): Promise<JobBody> => {
    const job = await submit({ prompt: 'The old king', ...body }, path);
    return (await (await post(`/jobs/${job.id}/cancel`)).json()) as JobBody;
  };

  it('makes a new job of the request as it was sent', async () => {
    const sent = { max_new_tokens: 7, temperature: 0.5, stop: ['\n'], metadata: { a: 'b' }, seed: 5 };
    const job = await ended(sent);
    const answer = await retry(job.id);
    const copy = (await answer.json()) as JobBody;
    expect([answer.status, answer.headers.get('Location'), answer.headers.get('Retry-After')]).toEqual([
      202,
      `/jobs/${copy.id}`,
      '1',
    ]);
    expect(copy).toMatchObject({
      status: 'queued',
      prompt: 'The old king',
      parameters: job.parameters,
      metadata: { a: 'b' },
      seed: 5,
      retry_of: job.id,
    });
    expect(copy.id).not.toBe(job.id);
    expect(job.urls.retry).toBe(`/jobs/${job.id}/retry`);
    expect(await stored(job.id)).toMatchObject({ status: 'canceled', version: 2, retryOf: null });
  });

  it('works for a job that succeeded, failed or was canceled, and for a retry', async () => {
    const failed = { type: 'failed', error: { code: 'generation_failed', message: 'x' }, partial: null } as const;
    const { id } = await submit({ prompt: 'a' });
    while ((await endNext(opened.store, { outcome: failed })).id !== id);
    const second = await retried(id);
    while ((await endNext(opened.store)).id !== second.id);
    const third = await retried(second.id);
    expect([second.retry_of, third.retry_of]).toEqual([id, second.id]);
  });

  it('chooses a new seed unless the client had sent one', async () => {
    const chosen = await ended({});
    expect((await retried(chosen.id)).seed).not.toBe(chosen.seed);
    const own = await ended({ seed: 7 });
    const again = await retried(own.id);
    expect(again.seed).toBe(7);
    await post(`/jobs/${again.id}/cancel`);
    expect((await retried(again.id)).seed).toBe(7);
  });

  it.each([
    [{ seed: 'same' }, (seed: number) => [seed]],
    [{ seed: 9 }, () => [9]],
    [{ seed: 0 }, () => [0]],
  ])('takes the seed %o', async (body, expected) => {
    const job = await ended({});
    expect([(await retried(job.id, json(body))).seed]).toEqual(expected(job.seed));
  });

  it('takes a new seed for "new", also of a job with a seed of its client', async () => {
    const job = await ended({ seed: 7 });
    const copy = await retried(job.id, json({ seed: 'new' }));
    expect(copy.seed).not.toBe(7);
    expect((await stored(copy.id))?.hasOwnSeed).toBe(false);
  });

  it('changes only the parameters of its body', async () => {
    const job = await ended({ temperature: 0.5, top_k: 3, max_length: 60, metadata: { a: 'b' } });
    const changes = { top_k: 0, top_p: 0.9, repetition_penalty: 2, stop: 'x', metadata: { c: 'd' } };
    const copy = await retried(job.id, json({ ...changes, temperature: null }));
    expect(copy.parameters).toEqual({
      max_length: 60,
      max_new_tokens: null,
      temperature: 0.5,
      top_k: 0,
      top_p: 0.9,
      repetition_penalty: 2,
      stop: ['x'],
    });
    expect(copy.metadata).toEqual({ c: 'd' });
  });

  it.each([
    [{ max_length: 100 }, { max_length: 100, max_new_tokens: null }],
    [{ max_new_tokens: 9 }, { max_length: null, max_new_tokens: 9 }],
    [
      { max_length: 100, max_new_tokens: 9 },
      { max_length: 100, max_new_tokens: 9 },
    ],
    [{}, { max_length: 60, max_new_tokens: 5 }],
  ])('replaces both limits of the length by %o', async (changes, limits) => {
    const job = await ended({ max_length: 60, max_new_tokens: 5 });
    expect((await retried(job.id, json(changes))).parameters).toMatchObject(limits);
  });

  it('keeps the class, but is no waiting caller', async () => {
    const classes: number[] = [];
    for (const priorityClass of [0, 1, 2] as const) {
      const job = await opened.store.jobs.submit(newJob({ priorityClass }));
      await post(`/jobs/${job.id}/cancel`);
      classes.push((await stored((await retried(job.id)).id))?.priorityClass ?? -1);
    }
    expect(classes).toEqual([1, 1, 2]);
  });

  it('begins the deadlines anew', async () => {
    const job = await opened.store.jobs.submit(newJob({ deadlineMs: 60_000, startTimeoutMs: 30_000 }));
    await post(`/jobs/${job.id}/cancel`);
    const copy = await stored((await retried(job.id)).id);
    const submittedAt = copy?.createdAt.getTime() ?? 0;
    // The database reads its clock for each time.
    expect(Math.abs((copy?.deadlineAt?.getTime() ?? 0) - submittedAt - 60_000)).toBeLessThan(5_000);
    expect(Math.abs((copy?.startDeadlineAt?.getTime() ?? 0) - submittedAt - 30_000)).toBeLessThan(5_000);
  });

  it('changes the priority and the deadlines where the body has them', async () => {
    const job = await opened.store.jobs.submit(newJob({ priorityClass: 2, deadlineMs: 60_000 }));
    await post(`/jobs/${job.id}/cancel`);
    const changes = { priority: 'normal', deadline_ms: 600_000, start_timeout_ms: 300_000 };
    const copy = await stored((await retried(job.id, json(changes))).id);
    const submittedAt = copy?.createdAt.getTime() ?? 0;
    expect(copy?.priorityClass).toBe(1);
    expect(Math.abs((copy?.deadlineAt?.getTime() ?? 0) - submittedAt - 600_000)).toBeLessThan(5_000);
    expect(Math.abs((copy?.startDeadlineAt?.getTime() ?? 0) - submittedAt - 300_000)).toBeLessThan(5_000);
  });

  it('is safe to repeat with an Idempotency-Key, which no other job has', async () => {
    const job = await ended({ seed: 7 });
    const withKey = { headers: { 'Idempotency-Key': 'retry' } };
    const first = await retried(job.id, withKey);
    const second = await retry(job.id, withKey);
    expect([second.headers.get('Idempotent-Replayed'), ((await second.json()) as JobBody).id]).toEqual([
      'true',
      first.id,
    ]);
    expect((await retry(job.id, json({ seed: 'new' }, withKey.headers))).status).toBe(422);
    const original = json({ prompt: 'The old king', seed: 7 }, withKey.headers);
    expect(await (await post('/jobs', original)).json()).toMatchObject({ code: 'idempotency_key_reused' });
  });

  it('is refused while the job is queued or runs', async () => {
    const { id } = await submit({ prompt: 'a' });
    const refused = await retry(id);
    const problem = (await refused.json()) as Problem;
    expect([refused.status, problem.code, problem.detail]).toEqual([
      409,
      'job_not_finished',
      'The job is queued: it can be repeated when it ends.',
    ]);
    expect(refused.headers.get('x-should-retry')).toBe('true');
  });

  it.each([newId(), 'x', newId().toUpperCase()])('is refused for the id %s', async (id) => {
    expect((await retry(id)).status).toBe(404);
  });

  it.each([
    ['{"seed":"other"}', 422, '/seed'],
    ['{"seed":-1}', 422, '/seed'],
    ['{"seed":1.5}', 422, '/seed'],
    ['{"seed":[]}', 422, '/seed'],
    ['{"prompt":"b"}', 422, '/prompt'],
    ['{"temperature":3}', 422, '/temperature'],
    ['{"max_length":9}', 422, '/max_length'],
    ['{"metadata":{"a":1}}', 422, '/metadata/a'],
    ['[]', 422, ''],
    ['null', 422, ''],
    ['{', 400, undefined],
  ])('refuses the body %s', async (body, status, pointer) => {
    const job = await ended({});
    const answer = await retry(job.id, { body, headers: { 'Content-Type': 'application/json' } });
    const { errors } = (await answer.json()) as Problem;
    expect([answer.status, errors[0]?.pointer]).toEqual([status, pointer]);
  });

  it.each([
    ['no body', {}, 202],
    ['an empty body', { body: '' }, 202],
    ['an empty body with a media type', { body: '', headers: { 'Content-Type': 'application/json' } }, 202],
    ['an empty body of another type', { body: '', headers: { 'Content-Type': 'text/plain' } }, 202],
    ['an empty object', json({}), 202],
    ['a body without a media type', { body: new TextEncoder().encode('{}') }, 415],
    ['a body of another type', { body: '{}', headers: { 'Content-Type': 'text/plain' } }, 415],
    ['white space', { body: ' ', headers: { 'Content-Type': 'application/json' } }, 400],
    ['bytes that are not UTF-8', { body: new Uint8Array([255]), headers: { 'Content-Type': 'application/json' } }, 400],
    ['a large body', { body: ' '.repeat(65_537), headers: { 'Content-Type': 'application/json' } }, 413],
  ])('with %s: %o → %i', async (_name, init: RequestInit, status) => {
    const job = await ended({});
    const answer = await opened.api.app.request(`/jobs/${job.id}/retry`, { method: 'POST', ...init });
    expect(answer.status).toBe(status);
  });
});
