import type { JobBody, Problem } from '@prosemill/contract';
import type { WorkerSpeed } from '@prosemill/core';
import { newJob } from '@prosemill/testkit';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createKey } from '../auth/create-key.ts';
import { openTestApi, serveModel, type TestApi, type TestApiOptions } from '../test-api.ts';

describe('POST /jobs?dry_run=true', () => {
  let opened: TestApi;

  async function open(options: TestApiOptions = {}): Promise<void> {
    const another = await openTestApi(options);
    onTestFinished(async () => await another.close());
    opened = another;
  }
  beforeEach(async () => await open());

  const send = async (body: object, query = '?dry_run=true', headers: Readonly<Record<string, string>> = {}) =>
    await opened.api.app.request(`/jobs${query}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const refusal = async (body: object, query?: string, headers?: Readonly<Record<string, string>>) => {
    const answer = await send(body, query, headers);
    return [answer.status, ((await answer.json()) as Problem).code];
  };
  const storedJobs = async () => (await opened.store.jobs.measureQueue()).queued;
  const refusedSubmits = async () => {
    const page = await (await opened.api.app.request('/metrics')).text();
    return /^prosemill_jobs_refused_total (\d+)$/m.exec(page)?.[1];
  };
  /** A worker is ready with a model whose tokens are characters. */
  const serve = async (speed: WorkerSpeed | null = null): Promise<void> =>
    await serveModel(opened.store, { contextLength: 64, speed });

  it('tells that the request is valid and its tokens, and stores nothing', async () => {
    await serve();
    const answer = await send({ prompt: 'abc', metadata: { a: 'b' } });
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { valid: true, prompt_tokens: 3, estimated_start_at: null },
    ]);
    expect([answer.headers.get('Location'), await storedJobs()]).toEqual([null, 0]);
  });

  it('estimates the start, and refuses a deadline that cannot be met', async () => {
    await opened.store.jobs.submit(newJob({ tokenBudget: 60 }));
    await serve({ stepMs: 1_000, textMs: 0, newTokenShare: 1 });
    const before = Date.now();
    const body = (await (await send({ prompt: 'abc' })).json()) as { estimated_start_at: string };
    expect(Math.abs(Date.parse(body.estimated_start_at) - before - 60_000)).toBeLessThan(20_000);
    expect(await refusal({ prompt: 'abc', start_timeout_ms: 1_000 })).toEqual([503, 'deadline_unmeetable']);
    expect(await refusal({ prompt: 'abc', deadline_ms: 1_000 })).toEqual([503, 'deadline_unmeetable']);
    expect(await storedJobs()).toBe(1);
  });

  it('knows no tokens before a worker has come', async () => {
    expect(await (await send({ prompt: 'abc' })).json()).toMatchObject({ valid: true, prompt_tokens: null });
  });

  it('refuses what a submit refuses', async () => {
    await open({ forbiddenWords: ['hate'] });
    await serve();
    expect(await refusal({ prompt: '' })).toEqual([422, 'invalid_request']);
    expect(await refusal({ prompt: 'a', max_new_tokens: 64 })).toEqual([422, 'context_length_exceeded']);
    expect(await refusal({ prompt: 'hate' })).toEqual([400, 'prompt_refused']);
    expect(await refusal({ prompt: 'a' }, undefined, { 'Idempotency-Key': 'é' })).toEqual([400, 'invalid_header']);
    expect(await storedJobs()).toBe(0);
  });

  it('is refused by a full queue, in which it takes no place, but is no refused submit', async () => {
    await open({ maxQueueLength: 1 });
    for (let tries = 0; tries < 3; tries += 1) expect((await send({ prompt: 'a' })).status).toBe(200);
    expect((await send({ prompt: 'a' }, '')).status).toBe(202);
    for (const [query, count] of [
      ['?dry_run=true', '0'],
      ['', '1'],
    ] as const) {
      expect(await refusal({ prompt: 'a' }, query)).toEqual([503, 'queue_full']);
      expect([query, await refusedSubmits()]).toEqual([query, count]);
    }
    expect(await storedJobs()).toBe(1);
  });

  it('stores no Idempotency-Key, and is refused for one that another request has', async () => {
    const key = { 'Idempotency-Key': 'k' };
    expect((await send({ prompt: 'a' }, undefined, key)).status).toBe(200);
    expect(((await (await send({ prompt: 'b' }, '', key)).json()) as JobBody).prompt).toBe('b');
    expect(await refusal({ prompt: 'a' }, undefined, key)).toEqual([422, 'idempotency_key_reused']);
    expect((await send({ prompt: 'b' }, undefined, key)).status).toBe(200);
  });

  it.each(['?dry_run=false', ''])('is none with the query %o', async (query) => {
    expect((await send({ prompt: 'a' }, query)).status).toBe(202);
    expect(await storedJobs()).toBe(1);
  });

  it.each(['?dry_run', '?dry_run=', '?dry_run=1', '?dry_run=TRUE', '?dry_run=true&dry_run=true', '?dryrun=true'])(
    'refuses the query %o',
    async (query) => {
      expect(await refusal({ prompt: 'a' }, query)).toEqual([422, 'invalid_request']);
      expect(await storedJobs()).toBe(0);
    },
  );

  it('counts as a read', async () => {
    await open({ access: { auth: 'keys', adminKey: null }, submitsPerMinute: 60 });
    const request = { owner: 'acme', name: 'website', scopes: ['generate' as const] };
    const { secret } = await createKey(opened.store.apiKeys, request);
    const headers = { Authorization: `Bearer ${secret}` };
    const rates: (string | null)[] = [];
    for (const query of ['?dry_run=true', '?dry_run=false', '?dry_run=yes', '']) {
      rates.push((await send({ prompt: 'a' }, query, headers)).headers.get('RateLimit-Policy'));
    }
    expect(rates).toEqual(['"read";q=600;w=60', '"submit";q=60;w=60', '"submit";q=60;w=60', '"submit";q=60;w=60']);
  });

  it('does not wait while the queue is paused', async () => {
    await opened.store.jobs.submit(newJob());
    await opened.store.jobs.pause({ ownerId: 'local', key: null });
    expect(await (await send({ prompt: 'a' })).json()).toMatchObject({ valid: true, estimated_start_at: null });
  });
});
