import { describe, expect, it } from 'vitest';
import { createClient, ProsemillError } from './index.ts';
import { createTestService, endedJob, json, refusal, type TestAnswer, testJob } from './test-service.ts';

function setup(...answers: readonly TestAnswer[]) {
  const service = createTestService(...answers);
  const pauses: number[] = [];
  const client = createClient({ ...service, apiKey: 'pm_x', onRetry: (_, pauseMs) => pauses.push(pauseMs) });
  return { client, pauses, requests: service.requests };
}

describe('generate', () => {
  it('answers with the text', async () => {
    const { client, requests } = setup(json({ generated_text: 'Once upon' }));
    expect(await client.generate({ prompt: 'Once' })).toEqual({ generated_text: 'Once upon' });
    const [{ method, path, headers, body } = { headers: new Headers() }] = requests;
    expect({ method, path, body }).toEqual({ method: 'POST', path: '/generate', body: { prompt: 'Once' } });
    expect(headers.get('Authorization')).toBe('Bearer pm_x');
    expect(headers.get('Prefer')).toBe('wait=30');
    expect(headers.get('Idempotency-Key')).toMatch(/^[0-9a-f]{32}$/);
  });

  it('goes on waiting for a job that takes longer, and answers as if it had not', async () => {
    const later = { 'openai-poll-after-ms': '1' };
    const { client, requests } = setup(
      json(testJob(), { status: 202 }),
      json(testJob({ status: 'running' }), { headers: later }),
      json(endedJob()),
    );
    expect(await client.generate({ prompt: 'Once' })).toMatchObject({
      id: 4,
      generated_text: 'Once upon',
      model_name: 'm',
      job_id: 'a1',
      created_at: '2026-01-31T12:00:00.000Z',
    });
    expect(requests.map(({ path }) => path)).toEqual(['/generate', '/jobs/a1?wait=30', '/jobs/a1?wait=30']);
  });

  it.each([
    [{ status: 'failed', error: { code: 'worker_lost', message: 'Lost.' } } as const, 'worker_lost'],
    [{ status: 'canceled' } as const, 'job_canceled'],
    [{ status: 'expired' } as const, 'deadline_exceeded'],
  ])('throws for a job that ends as %o', async (ending, code) => {
    const { client } = setup(json(testJob(), { status: 202 }), json(endedJob({ output: null, ...ending })));
    await expect(client.generate({ prompt: 'Once' })).rejects.toMatchObject({ code, jobId: 'a1' });
  });
});

describe('a request', () => {
  it('is repeated with the same Idempotency-Key after a lost answer', async () => {
    const { client, requests } = setup(new TypeError('reset'), json(testJob(), { status: 202 }));
    expect((await client.submit({ prompt: 'Once' })).id).toBe('a1');
    const keys = requests.map(({ headers }) => headers.get('Idempotency-Key'));
    expect(keys[0]).toBe(keys[1]);
  });

  it('is repeated after the time that the service names', async () => {
    const { client, pauses } = setup(refusal('queue_full', 503, { afterMs: 8 }), json(testJob(), { status: 202 }));
    await client.submit({ prompt: 'Once' });
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeGreaterThanOrEqual(8);
    expect(pauses[0]).toBeLessThanOrEqual(10);
  });

  it('is repeated after an answer of a proxy', async () => {
    const { client } = setup(
      new Response('<p>Bad gateway', { status: 502, headers: { 'Retry-After': '0' } }),
      json({}),
    );
    expect(await client.health()).toEqual({});
  });

  it('is not repeated when the service would refuse it again', async () => {
    const { client, requests } = setup(refusal('prompt_refused', 400));
    const error = await client.submit({ prompt: 'Once' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProsemillError);
    expect(error).toMatchObject({ code: 'prompt_refused', status: 400, problem: { request_id: 'r' } });
    expect(requests).toHaveLength(1);
  });

  it('is given up after the time limit', async () => {
    const { client } = setup(refusal('queue_full', 503, { afterMs: 200_000 }));
    await expect(client.submit({ prompt: 'Once' })).rejects.toMatchObject({ code: 'queue_full' });
  });

  it('is not repeated if a second one does harm', async () => {
    const { client, requests } = setup(new TypeError('reset'));
    await expect(client.createKey({ owner: 'a', name: 'b' })).rejects.toMatchObject({ code: 'no_answer' });
    expect(requests).toHaveLength(1);
  });

  it('ends with its signal, also between repetitions', async () => {
    const leaving = new AbortController();
    const service = createTestService(refusal('queue_full', 503, { afterMs: 60_000 }));
    const client = createClient({ ...service, onRetry: () => queueMicrotask(() => leaving.abort('left')) });
    await expect(client.submit({ prompt: 'Once' }, leaving)).rejects.toBe('left');
  });
});

describe('lists', () => {
  it('of jobs go over all pages', async () => {
    const { client, requests } = setup(
      json({ data: [testJob()], has_more: true, next_cursor: 'c' }),
      json({ data: [endedJob({ id: 'a2' })], has_more: false, next_cursor: null }),
    );
    const created_after = new Date('2026-01-31T12:00:00Z');
    const found = await Array.fromAsync(client.jobs({ status: ['queued', 'succeeded'], created_after }));
    expect(found.map(({ id }) => id)).toEqual(['a1', 'a2']);
    const query = '/jobs?status=queued&status=succeeded&created_after=2026-01-31T12%3A00%3A00.000Z';
    expect(requests.map(({ path }) => path)).toEqual([query, `${query}&cursor=c`]);
  });

  it('of texts follow the Link header', async () => {
    const link = { Link: '</base/history?limit=1&cursor=c>; rel="next"' };
    const { client, requests } = setup(json([{ id: 2 }], { headers: link }), json([{ id: 1 }]));
    expect(await Array.fromAsync(client.history({ limit: 1 }))).toEqual([{ id: 2 }, { id: 1 }]);
    expect(requests[1]?.path).toBe('/history?limit=1&cursor=c');
  });
});

describe('batch', () => {
  it('yields every end once, with a bounded number of jobs under way', async () => {
    let underWay = 0;
    let most = 0;
    const service = createTestService(
      ...Array.from({ length: 40 }, () => async ({ method, body }: { method: string; body: unknown }) => {
        if (method === 'GET') {
          await Promise.resolve();
          underWay -= 1;
          return json(endedJob());
        }
        if ((body as { prompt: string }).prompt === '3') return refusal('prompt_refused', 400);
        underWay += 1;
        most = Math.max(most, underWay);
        return json(testJob(), { status: 202 });
      }),
    );
    const requests = Array.from({ length: 20 }, (_, index) => ({ prompt: String(index) }));
    const results = await Array.fromAsync(createClient(service).batch(requests, { concurrency: 4 }));
    expect(results.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(requests.map((_, index) => index));
    expect(results.filter(({ error }) => error !== null).map(({ index }) => index)).toEqual([3]);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('ends with the failure of the service, and not with that of a request', async () => {
    const { client } = setup(refusal('unauthorized', 401));
    await expect(Array.fromAsync(client.batch([{ prompt: 'a' }]))).rejects.toMatchObject({ code: 'unauthorized' });
  });
});
