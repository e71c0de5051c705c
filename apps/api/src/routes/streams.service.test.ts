import type { JobBody, Problem } from '@prosemill/contract';
import {
  type LogFields,
  type Logger,
  newId,
  type Outcome,
  type Store,
  type WakeUp,
  type WakeUps,
} from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi, type TestApiOptions } from '../test-api.ts';
import { collectText, EventReader, type SentEvent, TestWorker } from '../test-streams.ts';

const parts = [' Es war', ' 👩‍👩‍👧‍👦', '昔々', '、e\u0301', '🦊\u202e\n\r\n', ': x', '"'];
const text = parts.join('');
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const withoutTime = (events: readonly SentEvent[]): string => JSON.stringify(events).replaceAll(/"now":"[^"]+"/g, '');

describe('the stream of a job', () => {
  let opened: TestApi;
  let store: Store;
  let wakeUps: WakeUps;
  let published: WakeUp[];
  const lines: (LogFields & { msg: string })[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (fields, msg) => void lines.push({ ...fields, msg }),
    error: (fields, msg) => void lines.push({ ...fields, msg }),
    child: () => logger,
  };

  async function open(options: TestApiOptions = {}): Promise<void> {
    lines.length = 0;
    published = [];
    const queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
    ({ wakeUps } = queue);
    wakeUps.subscribe((wakeUp) => published.push(wakeUp));
    opened = await openTestApi({ wakeUps, hints: queue.sender, logger, ...options });
    ({ store } = opened);
  }
  beforeEach(async () => await open());
  afterEach(async () => await opened.close());

  const request = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    await opened.api.app.request(path, { headers });
  const send = async (path: string, headers: Readonly<Record<string, string>>, body: object = { prompt: 'a' }) =>
    await opened.api.app.request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  const submit = async (overrides = {}): Promise<string> =>
    (await store.jobs.submit(newJob({ isWatched: true, ...overrides }))).id;
  const claim = async (): Promise<TestWorker> => await TestWorker.claim(store, wakeUps);

  async function stream(id: string, headers: Readonly<Record<string, string>> = {}, query = ''): Promise<EventReader> {
    const response = await request(`/jobs/${id}/stream${query}`, headers);
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'text/event-stream']);
    return new EventReader(response);
  }
  const readAll = async (...of: Parameters<typeof stream>): Promise<readonly SentEvent[]> =>
    await (await stream(...of)).rest();

  /** A job that succeeded with `text`. */
  async function finish(): Promise<string> {
    const id = await submit();
    const worker = await claim();
    for (const part of parts) await worker.write(part);
    await worker.succeed();
    return id;
  }

  async function metric(name: string): Promise<number> {
    const page = await (await request('/metrics')).text();
    return Number(new RegExp(`^${name.replaceAll(/[{}"]/g, String.raw`\$&`)} (\\d+)$`, 'm').exec(page)?.[1]);
  }

  it('begins with the job, and sends its text as it is written and the job again at each change', async () => {
    const id = await submit();
    const reader = await stream(id);
    expect(await reader.next()).toMatchObject({
      event: 'status',
      id: '1-0-00000000',
      retry: '2000',
      data: { id, status: 'queued', queue: { position: 0 }, urls: { stream: `/jobs/${id}/stream` } },
    });
    const worker = await claim();
    expect(await reader.next()).toMatchObject({ event: 'status', id: '2-0-00000000', data: { status: 'running' } });
    await worker.write('Hey 🦊');
    const first = await reader.nextOf('token');
    expect(first).toMatchObject({ id: '2-5-2e218e45', data: { text: 'Hey 🦊', tokens: 1 } });
    expect(first.data.now).toMatch(time);
    await worker.write('狐');
    expect(await reader.next()).toMatchObject({ event: 'token', data: { text: '狐', tokens: 2 } });
    await store.jobs.requestCancel('local', id);
    wakeUps.publish({ type: 'job-changed', ids: [id] });
    const asked = await reader.next();
    expect(asked).toMatchObject({
      event: 'status',
      data: { status: 'running', cancel_requested_at: expect.any(String) as string },
    });
    await worker.succeed('!');
    const [rest, completed, ...none] = await reader.rest();
    expect(rest).toMatchObject({ event: 'token', data: { text: '!', tokens: 2 } });
    expect(completed).toMatchObject({
      event: 'completed',
      id: expect.stringMatching(/^4-7-/) as string,
      data: { status: 'succeeded' },
    });
    expect(none).toEqual([]);
  });

  it('is not cached, changed or buffered on its way, and ends its connection', async () => {
    const { headers } = await request(`/jobs/${await finish()}/stream`);
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
  });

  it('after the end is the same stream: one token with the whole text', async () => {
    const id = await finish();
    const events = await readAll(id.toUpperCase());
    expect(events.map(({ event }) => event)).toEqual(['status', 'token', 'completed']);
    expect(collectText(events)).toBe(text);
    expect(withoutTime(await readAll(id))).toBe(withoutTime(events));
  });

  it.each(['Last-Event-ID', 'after'])('goes on behind any event (%s)', async (by) => {
    const id = await submit();
    const worker = await claim();
    const reader = await stream(id);
    const seen: SentEvent[] = [];
    for (const part of parts) {
      await worker.write(part);
      seen.push(await reader.nextOf('token'));
    }
    const behind = async (event: SentEvent): Promise<EventReader> =>
      by === 'after'
        ? await stream(id, {}, `?after=${event.id}`)
        : await stream(id, { 'Last-Event-ID': event.id ?? '' });
    for (const [index, event] of seen.entries()) {
      const next = await behind(event);
      expect(await next.next()).toMatchObject({ event: 'status', id: event.id });
      if (index < seen.length - 1) {
        expect((await next.nextOf('token')).data.text).toBe(parts.slice(index + 1).join(''));
      }
      await next.leave();
    }
    await worker.succeed();
    for (const [index, event] of seen.entries()) {
      const rest = await (await behind(event)).rest();
      expect(collectText(rest)).toBe(parts.slice(index + 1).join(''));
      expect(rest.at(-1)?.event).toBe('completed');
    }
  });

  it('takes the header before the query: browsers repeat the address of the first connection', async () => {
    const id = await finish();
    const [status] = await readAll(id, { 'Last-Event-ID': '1-0' }, '?after=1-7');
    expect(status?.id).toBe('3-0');
  });

  it('trusts an offset without a checksum', async () => {
    const id = await finish();
    const all = Array.from(text);
    for (let offset = 0; offset <= all.length; offset += 1) {
      const events = await readAll(id, {}, `?after=1-${offset}`);
      expect(collectText(events)).toBe(all.slice(offset).join(''));
      expect(events.some(({ event }) => event === 'reset')).toBe(false);
    }
  });

  it.each(['3-7-00000000', '3-999-00000000', '3-999', '0-0-ffffffff'])(
    'begins anew for a client whose text it does not know (%s)',
    async (position) => {
      const id = await finish();
      const events = await readAll(id, { 'Last-Event-ID': position });
      expect(events.map(({ event }) => event)).toEqual(['status', 'reset', 'token', 'completed']);
      expect(events[1]).toMatchObject({ id: '3-0-00000000', data: { version: 3, reason: 'unknown_position' } });
      expect(collectText(events)).toBe(text);
    },
  );

  it('takes an empty position as none', async () => {
    const id = await finish();
    for (const [header, query, position] of [
      ['', '', '3-0-00000000'],
      ['', '?after=', '3-0-00000000'],
      ['', '?after=1-7', '3-7'],
      ['1-7', '?after=', '3-7'],
    ] as const) {
      const [status] = await readAll(id, { 'Last-Event-ID': header }, query);
      expect(status?.id).toBe(position);
    }
  });

  it.each(['1', '1-', '-1', '1-2-3', '1-2-3456789G', '1--2', ' 1-2x', '1-2-deadbeef-1', `1-${'9'.repeat(16)}`])(
    'refuses the position %o',
    async (position) => {
      const id = newId();
      const query = await request(`/jobs/${id}/stream?after=${encodeURIComponent(position)}`);
      expect([query.status, ((await query.json()) as Problem).code]).toEqual([422, 'invalid_request']);
      const header = await request(`/jobs/${id}/stream`, { 'Last-Event-ID': position });
      expect([header.status, ((await header.json()) as Problem).code]).toEqual([400, 'invalid_header']);
    },
  );

  it('goes on in another attempt that writes the same, and waits for it until there is more', async () => {
    const id = await submit();
    const first = await claim();
    const reader = await stream(id);
    await first.write('ab');
    await first.write('cd');
    let client = '';
    while (client !== 'abcd') client += (await reader.nextOf('token')).data.text;
    await first.end({ type: 'crashed' });
    const second = await claim();
    await second.write('abc');
    await second.write('def');
    expect((await reader.nextOf('token')).data.text).toBe('ef');
    await second.succeed();
    expect((await reader.rest()).map(({ event }) => event)).toEqual(['completed']);
  });

  it('begins anew when another attempt writes another text', async () => {
    const id = await submit();
    const first = await claim();
    const reader = await stream(id);
    await first.write('abcd');
    await reader.nextOf('token');
    await first.end({ type: 'released' });
    const second = await claim();
    await second.write('abXYZ');
    expect((await reader.nextOf('reset')).data).toEqual({ version: 4, reason: 'rerun' });
    expect((await reader.nextOf('token')).data.text).toBe('abXYZ');
    await second.succeed('!');
    expect(collectText(await reader.rest())).toBe('!');
  });

  it('begins anew when the job ends with another text', async () => {
    const id = await submit();
    const worker = await claim();
    const reader = await stream(id);
    await worker.write('lost');
    await reader.nextOf('token');
    await worker.end({ type: 'failed', error: { code: 'generation_failed', message: 'no' }, partial: null });
    const rest = await reader.rest();
    expect(rest.map(({ event, id: position }) => [event, position])).toEqual([
      ['reset', '3-0-00000000'],
      ['completed', '3-0-00000000'],
    ]);
    expect(rest[0]?.data).toEqual({ version: 3, reason: 'unknown_position' });
    expect(rest[1]?.data).toMatchObject({ status: 'failed', output: null });
  });

  it('tells of another attempt whose row it has not seen', async () => {
    const silent = { publish: () => undefined };
    for (const isEnded of [false, true]) {
      const id = await submit();
      const first = await claim();
      const reader = await stream(id);
      await first.write('abcd');
      await reader.nextOf('token');
      await store.jobs.complete(first.key, { type: 'released' });
      const second = await TestWorker.claim(store, silent);
      if (isEnded) await second.succeed('ABCDE');
      else await second.write('ABCDE');
      wakeUps.publish({ type: isEnded ? 'job-changed' : 'job-text', ids: [id] });
      const reset = await reader.nextOf('reset');
      expect(reset.data).toMatchObject({ reason: 'rerun', ...(isEnded ? { version: 5 } : {}) });
      if (!isEnded) await second.succeed();
      wakeUps.publish({ type: 'job-changed', ids: [id] });
      expect(collectText(await reader.rest())).toBe('ABCDE');
    }
  });

  it.each<readonly [string, (worker: TestWorker) => Outcome, string]>([
    [
      'failed',
      ({ result }) => ({ type: 'failed', error: { code: 'deadline_exceeded', message: 'late' }, partial: result }),
      'part',
    ],
    ['failed', () => ({ type: 'failed', error: { code: 'generation_failed', message: 'no' }, partial: null }), ''],
    ['canceled', ({ result }) => ({ type: 'canceled', partial: result }), 'part'],
  ])('of a job that %s ends with the text that is kept', async (status, outcome, kept) => {
    const id = await submit();
    const worker = await claim();
    const reader = await stream(id);
    await worker.write('part');
    await reader.nextOf('token');
    if (status === 'canceled') await store.jobs.requestCancel('local', id);
    await worker.end(outcome(worker));
    await reader.nextOf('completed');
    const events = await readAll(id);
    expect(events.at(-1)).toMatchObject({ event: 'completed', data: { status } });
    expect(collectText(events)).toBe(kept);
  });

  it('of a job that never ran has no text', async () => {
    const canceled = await submit();
    const reader = await stream(canceled);
    await reader.next();
    expect((await opened.api.app.request(`/jobs/${canceled}/cancel`, { method: 'POST' })).status).toBe(200);
    expect(await reader.rest()).toMatchObject([{ event: 'completed', data: { status: 'canceled' } }]);
    const expired = await submit({ deadlineMs: 0 });
    await store.jobs.expireJobs(10);
    expect(await readAll(expired)).toMatchObject([
      { event: 'status', data: { status: 'expired' } },
      { event: 'completed', data: { status: 'expired', error: { code: 'deadline_exceeded' } } },
    ]);
  });

  it('is not found for an unknown id, a malformed one and another owner', async () => {
    for (const id of [newId(), 'a', '%00', await submit({ ownerId: 'other' })]) {
      for (const path of ['stream', 'events']) {
        const response = await request(`/jobs/${id}/${path}`);
        expect([response.status, ((await response.json()) as Problem).code]).toEqual([404, 'not_found']);
      }
    }
  });

  it('ends with an error when the job is gone, and when a read fails for good', async () => {
    for (const [broken, code] of [
      [async () => null, 'gone'],
      [async () => await Promise.reject(new Error('numbats')), 'internal'],
    ] as const) {
      const before = opened.store;
      let isBroken = false;
      const find: Store['jobs']['find'] = async (...of) => (isBroken ? await broken() : await before.jobs.find(...of));
      const other = await openTestApi({ wakeUps, logger, store: { ...before, jobs: { ...before.jobs, find } } });
      const id = await submit();
      const reader = new EventReader(await other.api.app.request(`/jobs/${id}/stream`));
      await reader.next();
      const claimed = await claim();
      await reader.next();
      isBroken = true;
      await claimed.end({ type: 'released' });
      const [error, ...none] = await reader.rest();
      expect(error).toMatchObject({ event: 'error', data: { code, instance: `/jobs/${id}/stream` } });
      expect([none, JSON.stringify(error).includes('numbats')]).toEqual([[], false]);
      other.api.beginShutdown();
      await store.jobs.requestCancel('local', id);
    }
    const failed = lines.filter(({ ending }) => ending === 'failed');
    expect(failed).toMatchObject([{ events: 3 }, { events: 3 }]);
    expect(lines.filter(({ msg }) => msg === 'a request failed because of a bug')).toHaveLength(1);
  });

  it('ends at once when the process stops, and says when to come again', async () => {
    const id = await submit();
    const worker = await claim();
    const [queued, reading] = [await stream(await submit()), await stream(id)];
    await worker.write('a');
    await Promise.all([queued.next(), reading.nextOf('token')]);
    opened.api.beginShutdown();
    for (const reader of [queued, reading]) {
      const [last, ...none] = await reader.rest();
      expect([last?.event, none]).toEqual(['retry', []]);
      expect(Number(last?.data)).toBeGreaterThanOrEqual(1_500);
    }
    await expect.poll(() => lines.filter(({ ending }) => ending === 'stopped').length).toBe(2);
  });

  it('begins and ends during a stop, as an EventSource gives up after an answer that is an error', async () => {
    const [finished, queued] = [await finish(), await submit()];
    opened.api.beginShutdown();
    expect((await readAll(queued)).map(({ event }) => event)).toEqual(['status', 'retry']);
    expect((await readAll(finished)).map(({ event }) => event)).toEqual(['status', 'token', 'completed']);
    expect((await request('/jobs')).status).toBe(503);
    expect((await send('/jobs', { Accept: 'text/event-stream' })).status).toBe(503);
  });

  it('is logged, measured and counted at its end, and forgotten when its client leaves', async () => {
    const finished = await finish();
    const id = await submit();
    const reader = await stream(id);
    await reader.next();
    const next = reader.next();
    expect([await metric('prosemill_streams'), await metric('prosemill_waiters')]).toEqual([1, 1]);
    expect(lines.filter(({ route }) => route === '/jobs/{id}/stream')).toEqual([]);
    await reader.leave();
    expect(await next).toBeNull();
    await expect.poll(async () => await metric('prosemill_streams')).toBe(0);
    await expect.poll(async () => await metric('prosemill_waiters')).toBe(0);
    await readAll(finished);
    const logged = lines.filter(({ route }) => route === '/jobs/{id}/stream');
    expect(logged).toMatchObject([
      { jobId: id, status: 200, ending: 'left', events: 1 },
      { status: 200, ending: 'finished', events: 3 },
    ]);
    expect(await metric('prosemill_stream_events_total{type="token"}')).toBe(1);
    expect(await metric('prosemill_stream_events_total{type="completed"}')).toBe(1);
  });

  it('has no body for HEAD', async () => {
    const response = await opened.api.app.request(`/jobs/${await submit()}/stream`, { method: 'HEAD' });
    expect([response.status, response.body, response.headers.get('Content-Type')]).toEqual([
      200,
      null,
      'text/event-stream',
    ]);
    expect(await metric('prosemill_streams')).toBe(0);
  });

  it('marks its job as watched and wakes the worker of a running one', async () => {
    const id = await submit({ isWatched: false });
    await claim();
    const reader = await stream(id);
    await reader.next();
    void reader.next();
    await expect.poll(() => published).toContainEqual({ type: 'job-watch', ids: [id] });
    expect((await store.jobs.find('local', id))?.isWatched).toBe(true);
    await reader.leave();
  });

  it('shares its reads of the text with all other streams of the process', async () => {
    const ids = [await submit({ isWatched: true }), await submit({ isWatched: true })];
    const workers = [await claim(), await claim()];
    const readers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => await stream(ids[index % 2] ?? '')),
    );
    await Promise.all(readers.map(async (reader) => await reader.next()));
    const begin = performance.now();
    for (let round = 0; round < 3; round += 1) {
      for (const worker of workers) await worker.write('a');
      await Promise.all(readers.map(async (reader) => await reader.nextOf('token')));
    }
    const mostReads = Math.ceil((performance.now() - begin) / 50) + 1;
    expect(await metric('prosemill_text_reads_total')).toBeLessThanOrEqual(mostReads);
    await Promise.all(readers.map(async (reader) => await reader.leave()));
  });

  it('has a limit for each owner, and none without owners', async () => {
    await opened.close();
    await open({ access: { auth: 'keys', adminKey: 'x'.repeat(32) } });
    const keyOf = async (owner: string) => {
      const response = await opened.api.app.request('/admin/keys', {
        method: 'POST',
        headers: { Authorization: `Bearer ${'x'.repeat(32)}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ owner, name: 'first' }),
      });
      return { Authorization: `Bearer ${((await response.json()) as { secret: string }).secret}` };
    };
    const [key, other] = [await keyOf('acme'), await keyOf('other')];
    const id = await submit({ ownerId: 'acme' });
    const readers: EventReader[] = [];
    for (let streams = 0; streams < 1_000; streams += 1) readers.push(await stream(id, key));
    await Promise.all(readers.map(async (reader) => await reader.next()));
    for (const reader of readers) void reader.next();
    const post = async (path: string) =>
      await opened.api.app.request(path, {
        method: 'POST',
        headers: { ...key, 'Content-Type': 'application/json', Accept: 'text/event-stream' },
        body: '{"prompt":"a"}',
      });
    for (const refused of [await request(`/jobs/${id}/stream`, key), await post('/jobs'), await post('/generate')]) {
      const problem = (await refused.json()) as Problem;
      expect([refused.status, problem.code]).toEqual([429, 'rate_limited']);
      expect(problem.detail).toContain('1,000');
      expect(refused.headers.get('Retry-After')).toBe('5');
    }
    expect((await store.jobs.measureQueue()).queued).toBe(1);
    expect((await request(`/jobs/${await submit({ ownerId: 'other' })}/stream`, other)).status).toBe(200);
    await Promise.all(readers.map(async (reader) => await reader.leave()));
    await (await stream(id, key)).leave();
  });

  describe('in the answer to its submit', () => {
    const wanted = { Accept: 'text/event-stream' };

    it.each(['/jobs', '/generate'])('of POST %s begins with the job, which is watched from the start', async (path) => {
      const response = await send(path, { ...wanted, Prefer: 'respond-async, wait=1' });
      const id = response.headers.get('x-job-id') ?? '';
      expect([response.status, response.headers.get('Location')]).toEqual([200, `/jobs/${id}`]);
      expect(response.headers.has('Preference-Applied')).toBe(false);
      const reader = new EventReader(response);
      expect(await reader.next()).toMatchObject({ event: 'status', data: { id, status: 'queued' } });
      expect(await store.jobs.find('local', id)).toMatchObject({
        isWatched: true,
        priorityClass: path === '/jobs' ? 1 : 0,
      });
      const worker = await claim();
      await worker.write('b');
      expect((await reader.nextOf('token')).data.text).toBe('b');
      await worker.succeed();
      await reader.nextOf('completed');
      expect(published.filter(({ type }) => type === 'job-watch')).toEqual([]);
    });

    it('is not sent to clients that accept JSON as well', async () => {
      for (const path of ['/jobs', '/generate']) {
        const response = await send(path, { Accept: 'application/json, text/event-stream', Prefer: 'respond-async' });
        expect([response.status, response.headers.get('Content-Type')]).toEqual([202, 'application/json']);
      }
    });

    it('is that of the earlier job with the same Idempotency-Key', async () => {
      const headers = { ...wanted, 'Idempotency-Key': 'k' };
      const first = (await (await send('/jobs', { 'Idempotency-Key': 'k' })).json()) as JobBody;
      const readers = [];
      for (const path of ['/jobs', '/generate']) {
        const response = await send(path, headers);
        expect([response.headers.get('x-job-id'), response.headers.get('Idempotent-Replayed')]).toEqual([
          first.id,
          'true',
        ]);
        readers.push(new EventReader(response));
      }
      await (await claim()).succeed('b');
      for (const reader of readers) expect(collectText(await reader.rest())).toBe('b');
      const after = new EventReader(await send('/generate', headers));
      expect(collectText(await after.rest())).toBe('b');
      expect((await store.jobs.measureQueue()).queued).toBe(0);
    });

    it('ends the job of a client that leaves, if the client asked for that', async () => {
      for (const [onDisconnect, status] of [
        ['cancel', 'canceled'],
        ['continue', 'queued'],
      ] as const) {
        const response = await send('/generate', wanted, { prompt: 'a', on_disconnect: onDisconnect });
        const reader = new EventReader(response);
        await reader.next();
        void reader.next();
        await reader.leave();
        const find = async () => await store.jobs.find('local', response.headers.get('x-job-id') ?? '');
        await expect.poll(async () => (await find())?.status).toBe(status);
      }
    });

    it('is a problem document when the submit is refused', async () => {
      const response = await send('/generate', wanted, { prompt: '' });
      expect([response.status, response.headers.get('Content-Type')]).toEqual([422, 'application/problem+json']);
      const failed = await send('/jobs', wanted, { prompt: 'a', unknown: 1 });
      expect(failed.status).toBe(422);
    });
  });
});

describe('the log of a job', () => {
  let opened: TestApi;
  beforeEach(async () => {
    opened = await openTestApi();
  });
  afterEach(async () => await opened.close());

  it('has an entry for each transition, and no text', async () => {
    const { store, api } = opened;
    const { id } = await store.jobs.submit(newJob());
    const wakeUps = { publish: () => undefined };
    await (await TestWorker.claim(store, wakeUps)).end({ type: 'crashed' });
    await (await TestWorker.claim(store, wakeUps)).succeed('numbats');
    const response = await api.app.request(`/jobs/${id.toUpperCase()}/events`);
    const log = (await response.json()) as { data: { seq: number; type: string; at: string; data: object }[] };
    expect(log.data.map(({ seq, type, data }) => [seq, type, data])).toEqual([
      [1, 'job-queued', { attempt: 0, actor: 'api' }],
      [2, 'job-claimed', { attempt: 1, actor: 'worker' }],
      [3, 'job-crashed', { attempt: 1, actor: 'worker' }],
      [4, 'job-claimed', { attempt: 2, actor: 'worker' }],
      [5, 'job-succeeded', { attempt: 2, actor: 'worker' }],
    ]);
    for (const { at } of log.data) expect(at).toMatch(time);
    expect(Object.keys(log)).toEqual(['data']);
  });

  it('takes no parameters', async () => {
    const { id } = await opened.store.jobs.submit(newJob());
    expect((await opened.api.app.request(`/jobs/${id}/events?limit=1`)).status).toBe(422);
  });
});
