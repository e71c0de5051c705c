import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createClient, ProsemillError } from './index.ts';
import {
  createTestService,
  endedJob,
  eventText,
  json,
  refusal,
  type TestAnswer,
  testJob,
  textStream,
} from './test-service.ts';

function setup(...answers: readonly TestAnswer[]) {
  const service = createTestService(...answers);
  const pauses: number[] = [];
  const client = createClient({ ...service, apiKey: 'pm_x', onRetry: (_, pauseMs) => pauses.push(pauseMs) });
  return { client, pauses, requests: service.requests };
}

describe('generate', () => {
  it('answers with the text', async () => {
    const text = { job_id: 'a1', generated_text: 'Once upon' };
    const { client, requests } = setup(json(text));
    expect(await client.generate({ prompt: 'Once' })).toEqual(text);
    const [{ method, path, headers, body } = { headers: new Headers() }] = requests;
    expect({ method, path, body }).toEqual({ method: 'POST', path: '/generate', body: { prompt: 'Once' } });
    expect(headers.get('Authorization')).toBe('Bearer pm_x');
    expect(headers.get('Prefer')).toBe('wait=30');
    expect(headers.get('Idempotency-Key')).toMatch(/^[0-9a-f]{32}$/);
  });

  it('goes on waiting for a job that takes longer, and answers as if it had not', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { client, requests } = setup(
      json(testJob(), { status: 202 }),
      json(testJob({ status: 'running' })),
      json(endedJob()),
    );
    const generating = client.generate({ prompt: 'Once' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await generating).toMatchObject({
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

describe('wait', () => {
  it.each([
    ['openai-poll-after-ms', '0', 1],
    ['Retry-After', '0', 1],
    ['Retry-After', 'Wed, 21 Oct 2015 07:28:00 GMT', 1],
    ['Retry-After', 'in 2099', 1],
    ['Retry-After', '2', 2],
    ['Retry-After', '3600', 30],
    ['Retry-After', '3000000', 30],
  ])('asks again after an early answer with %s: %s in %d s', async (name, value, seconds) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { client, requests } = setup(json(testJob(), { headers: { [name]: value } }), json(endedJob()));
    const waiting = client.wait('a1');
    await vi.advanceTimersByTimeAsync(seconds * 1_000 - 1);
    expect(requests).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await waiting).toMatchObject({ status: 'succeeded' });
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

  it('is repeated within the time of its job, and not longer', async () => {
    const { client, pauses } = setup(
      refusal('deadline_unmeetable', 503, { afterMs: 1 }),
      refusal('deadline_unmeetable', 503, { afterMs: 1_500 }),
    );
    await expect(client.submit({ prompt: 'Once', deadline_ms: 1_500 })).rejects.toMatchObject({
      code: 'deadline_unmeetable',
    });
    expect(pauses).toHaveLength(1);
  });

  it.each([{ deadline_ms: 1 }, { start_timeout_ms: 1 }])(
    'whose job cannot be in time is not repeated, in whatever way it is sent: %o',
    async (terms) => {
      const { client, requests, pauses } = setup(
        ...Array.from({ length: 4 }, () => refusal('deadline_unmeetable', 503, { afterMs: 250 })),
      );
      const request = { prompt: 'Once', ...terms };
      const code = 'deadline_unmeetable';
      await expect(client.generate(request)).rejects.toMatchObject({ code });
      await expect(client.stream(request).next()).rejects.toMatchObject({ code });
      const items = [
        { prompt: 'A fox', custom_id: 'a' },
        { ...request, custom_id: 'b' },
      ];
      await expect(client.submitBatch(items)).rejects.toMatchObject({ code });
      expect(await Array.fromAsync(client.batch([request]))).toMatchObject([{ job: null, error: { code } }]);
      expect([requests.length, pauses]).toEqual([4, []]);
    },
  );

  it('is repeated after a pause that no timer has', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const service = createTestService(refusal('queue_full', 503, { afterMs: 2 ** 31 }), json({}));
    const asking = createClient({ ...service, retryForMs: Infinity }).health();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(service.requests).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2 ** 31);
    expect(await asking).toEqual({});
  });

  it('is not repeated if a second one does harm', async () => {
    const { client, requests } = setup(new TypeError('reset'));
    await expect(client.createKey({ owner: 'a', name: 'b' })).rejects.toMatchObject({ code: 'no_answer' });
    expect(requests).toHaveLength(1);
  });

  it.each(['ключ', 'a\nb'])('that no header can have is not repeated: %j', async (idempotencyKey) => {
    const { client, pauses, requests } = setup(json(testJob(), { status: 202 }));
    await expect(client.submit({ prompt: 'Once' }, { idempotencyKey })).rejects.toThrow(TypeError);
    expect([requests, pauses]).toEqual([[], []]);
  });

  it('to a port that fetch refuses is not repeated', async () => {
    await expect(createClient({ url: 'http://127.0.0.1:6666' }).health()).rejects.toThrow('port');
  });

  it('ends with its signal, also between repetitions', async () => {
    const leaving = new AbortController();
    const service = createTestService(refusal('queue_full', 503, { afterMs: 60_000 }));
    const client = createClient({ ...service, onRetry: () => queueMicrotask(() => leaving.abort('left')) });
    await expect(client.submit({ prompt: 'Once' }, leaving)).rejects.toBe('left');
  });
});

it.each([
  { url: 'service:8000' },
  { url: 'file:///secret' },
  { url: 'http://service:99999/secret' },
  { url: 'http://user:secret@service' },
  { url: 'http://secret@service' },
  { url: 'http://service', apiKey: 'pm_secret\nX-A: b' },
])('refuses an address or a key of no service, and does not show them: %j', (options) => {
  expect(() => createClient(options)).toThrow(/^(?!.*secret)/);
});

const html = () => new Response('<p>Welcome', { headers: { 'Content-Type': 'text/html' } });
const problem = (body: string) => () =>
  new Response(body, { status: 404, headers: { 'Content-Type': 'application/problem+json' } });
const event =
  (data: string, type = 'message') =>
  () =>
    textStream([`event: ${type}\ndata: ${data}\n\n`]);

describe('an answer that is not from the service', () => {
  it.each([
    ['a page', html],
    ['nothing', () => new Response(null, { status: 204 })],
    ['null', () => json(null)],
    ['an empty object', () => json({})],
    ['an empty problem', problem('{}')],
    ['a list for a problem', problem('[1]')],
    ['a problem of another service', problem('{"title":"Not found","status":404}')],
    ['a problem with errors of another form', problem('{"code":"not_found","errors":[null]}')],
    ['events that are not JSON', event('hello')],
    ['an event without a body', event('null')],
    ['an event with an empty job', event('{}', 'completed')],
    ['a token without text', event('{}', 'token')],
    ['an error that is no problem', event('{}', 'error')],
  ])('is malformed: %s', async (_name, answer) => {
    const read = async (use: (client: ReturnType<typeof createClient>) => Promise<unknown>) =>
      await use(setup(answer()).client).catch((error: unknown) => error);
    const errors = [
      await read(async (client) => await client.submit({ prompt: 'Once' })),
      await read(async (client) => await client.generate({ prompt: 'Once' })),
      await read(async (client) => await client.wait('a1')),
      await read(async (client) => await Array.fromAsync(client.jobs())),
      await read(async (client) => await Array.fromAsync(client.history())),
      await read(async (client) => await Array.fromAsync(client.stream('a1'))),
    ];
    expect(errors).toEqual(errors.map(() => expect.objectContaining({ code: 'malformed_answer' })));
  });
});

it.each(['', '.', '..'])('finds no job with the id "%s", which is no part of a path', async (id) => {
  const { client, requests } = setup();
  await expect(client.job(id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(client.stream(id).next()).rejects.toMatchObject({ code: 'not_found' });
  expect(requests).toEqual([]);
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

  it('of jobs have pages, of which a known one that is unchanged is not sent again', async () => {
    const { client, requests } = setup(
      json({ data: [testJob()], has_more: true, next_cursor: 'c' }, { headers: { ETag: 'W/"1"' } }),
      new Response(null, { status: 304, headers: { ETag: 'W/"1"' } }),
      json({ data: [endedJob()], has_more: true, next_cursor: 'c' }, { headers: { ETag: 'W/"2"' } }),
      json({ data: [], has_more: false, next_cursor: null }),
    );
    const list = client.jobs({ limit: 1 });
    const known = await list.page();
    expect(await list.page({ known })).toBe(known);
    expect(await list.page({ known })).toMatchObject({ data: [{ status: 'succeeded' }] });
    expect(await list.page({ cursor: known.next_cursor })).toMatchObject({ data: [] });
    expect(requests.map(({ path, headers }) => [path, headers.get('If-None-Match')])).toEqual([
      ['/jobs?limit=1', null],
      ['/jobs?limit=1', 'W/"1"'],
      ['/jobs?limit=1', 'W/"1"'],
      ['/jobs?limit=1&cursor=c', null],
    ]);
  });

  it('of texts follow the Link header', async () => {
    const link = { Link: '</base/history?limit=1&cursor=c>; rel="next"' };
    const { client, requests } = setup(json([{ id: 2 }], { headers: link }), json([{ id: 1 }]));
    expect(await Array.fromAsync(client.history({ limit: 1 }))).toEqual([{ id: 2 }, { id: 1 }]);
    expect(requests[1]?.path).toBe('/history?limit=1&cursor=c');
  });

  it('of a search are those of jobs', async () => {
    const { client, requests } = setup(json({ data: [endedJob()], has_more: false, next_cursor: null }));
    expect(await Array.fromAsync(client.search('"old king"', { status: 'succeeded' }))).toHaveLength(1);
    expect(requests[0]?.path).toBe('/jobs?status=succeeded&q=%22old+king%22');
  });
});

describe('live', () => {
  it('gives the events of one connection, and its pauses', async () => {
    const { client, requests } = setup(textStream(['retry: 100\n\n', eventText('jobs', '1', { ids: ['a1'] })]));
    const events = await client.live({ job: ['a1', 'a2@1-0-0'], topic: ['jobs'] });
    expect(await Array.fromAsync(events)).toEqual([100, { event: 'jobs', id: '1', data: '{"ids":["a1"]}' }]);
    expect(requests.map(({ path }) => path)).toEqual(['/live?job=a1&job=a2%401-0-0&topic=jobs']);
  });

  it('throws a refusal before it is open', async () => {
    const { client, requests } = setup(refusal('rate_limited', 429, { afterMs: 1 }));
    await expect(client.live({ topic: ['jobs'] })).rejects.toMatchObject({ code: 'rate_limited' });
    expect(requests).toHaveLength(1);
  });
});

const exported = (parts: readonly (string | Uint8Array)[], options?: { readonly isBroken: boolean }): Response =>
  textStream(parts, { mediaType: 'application/jsonl', ...options });

describe('export', () => {
  it('yields texts from an answer in any parts', async () => {
    const bytes = new TextEncoder().encode('{"id":2,"prompt":"é\u2028"}\n');
    const { client, requests } = setup(
      refusal('queue_full', 503, { afterMs: 1 }),
      exported([...Array.from(bytes, (byte) => Uint8Array.of(byte)), '{"id":1}\n']),
    );
    const found = await Array.fromAsync(client.export({ q: 'king', metadata: ['a:b'] }));
    expect(found).toEqual([{ id: 2, prompt: 'é\u2028' }, { id: 1 }]);
    expect(requests[1]?.path).toBe('/history/export?q=king&metadata=a%3Ab');
  });

  it.each([
    ['in a line', exported(['{"id":2}\n{"id'])],
    ['between lines', exported(['{"id":2}\n'], { isBroken: true })],
  ])('fails when its answer breaks off %s', async (_, answer) => {
    const { client } = setup(answer);
    const found: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const text of client.export()) found.push(text);
    };
    await expect(read()).rejects.toMatchObject({ code: 'no_answer' });
    expect(found).toEqual([{ id: 2 }]);
  });

  it('reads only as fast as its reader, and closes the connection when that leaves', async () => {
    let sent = 0;
    let isClosed = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => controller.enqueue(new TextEncoder().encode(`{"id":${(sent += 1)}}\n`)),
        cancel: () => void (isClosed = true),
      },
      { highWaterMark: 0 },
    );
    const { client } = setup(new Response(body, { headers: { 'Content-Type': 'application/jsonl' } }));
    for await (const { id } of client.export()) {
      expect(sent).toBe(id);
      if (id === 3) break;
    }
    expect(isClosed).toBe(true);
  });
});

describe('batch', () => {
  it.each([0, Number.NaN])('needs a place for a job, and not %d', async (concurrency) => {
    const { client } = setup();
    await expect(client.batch([{ prompt: 'Once' }], { concurrency }).next()).rejects.toThrow(RangeError);
  });

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

  it('keeps the number of jobs under way while its reader is busy', async () => {
    const isFull = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let submitted = 0;
    const answer: TestAnswer = async ({ method, body }) => {
      if (method === 'GET') {
        // The first job ends at once; the others wait for the reader.
        if (submitted > 2) await gate.promise;
        return json(endedJob());
      }
      submitted += 1;
      if ((body as { prompt: string }).prompt === '3') isFull.resolve();
      return json(testJob(), { status: 202 });
    };
    const { client } = setup(...Array.from({ length: 20 }, () => answer));
    const requests = ['0', '1', '2', '3', '4', '5'].map((prompt) => ({ prompt }));
    let results = 0;
    for await (const _ of client.batch(requests, { concurrency: 2 })) {
      results += 1;
      if (results > 1) continue;
      await isFull.promise;
      gate.resolve();
    }
    expect(results).toBe(6);
  });

  it('reads only so many requests ahead of its reader', async () => {
    const service = createTestService(
      ...Array.from({ length: 200 }, () => async ({ method }: { method: string }) => {
        await Promise.resolve();
        return method === 'GET' ? json(endedJob()) : json(testJob(), { status: 202 });
      }),
    );
    let read = 0;
    let isClosed = false;
    function* source() {
      try {
        for (; read < 100; read += 1) yield { prompt: String(read) };
      } finally {
        isClosed = true;
      }
    }
    for await (const _ of createClient(service).batch(source(), { concurrency: 4 })) {
      for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
      expect(read).toBeLessThanOrEqual(2 * 4);
      break;
    }
    await expect.poll(() => isClosed).toBe(true);
  });

  it('ends with the failure of the service, and not with that of a request', async () => {
    const { client } = setup(refusal('unauthorized', 401));
    await expect(Array.fromAsync(client.batch([{ prompt: 'a' }]))).rejects.toMatchObject({ code: 'unauthorized' });
  });
});
