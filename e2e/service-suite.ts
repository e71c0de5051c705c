/** The behaviour of the service that all sizes share. */
import type { JobBody, MachineBody, Problem } from '@prosemill/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, createClient, type Request } from './http-client.ts';
import type { Service } from './launch.ts';

interface Generation {
  readonly id: number;
  readonly prompt: string;
  readonly generated_text: string;
  readonly model_name: string;
  readonly created_at: string;
  readonly job_id: string;
  readonly seed: number;
  readonly finish_reason: string;
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number };
}

interface Page {
  readonly data: readonly JobBody[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

/** A text that runs long enough to be observed. */
const longRequest = { prompt: 'Once upon a time', max_new_tokens: 480, seed: 1 };

const replayed = ({ headers }: Answer): string | null => headers.get('Idempotent-Replayed');

export function describeService(size: string, launch: () => Promise<Service>): void {
  describe(`the service, ${size}`, () => {
    let service: Service;
    let request: Request;

    beforeAll(async () => {
      service = await launch();
      request = await createClient(service.url);
    });
    afterAll(async () => {
      const codes = await service.stop();
      expect(codes).toEqual(service.processes.map(() => 0));
    });

    const submit = async (json: Record<string, unknown>): Promise<JobBody> => {
      const { status, body } = await request<JobBody>('/jobs', { json });
      expect(status).toBe(202);
      return body;
    };
    /** Leaves while `POST /generate` waits. @returns the id of its job */
    const leave = async (onDisconnect: 'cancel' | 'continue'): Promise<string> => {
      const connection = new AbortController();
      const json = { prompt: 'A fox', max_new_tokens: 5, on_disconnect: onDisconnect, metadata: { onDisconnect } };
      const waiting = request('/generate', { json, signal: connection.signal });
      const newest = async () => (await request<Page>('/jobs?limit=1')).body.data[0];
      await expect.poll(async () => (await newest())?.metadata, { timeout: 30_000 }).toEqual({ onDisconnect });
      connection.abort();
      await expect(waiting).rejects.toThrow(/abort/);
      return (await newest())?.id ?? '';
    };
    const queueTo = async (to: 'pause' | 'resume') => await request(`/admin/queue/${to}`, { method: 'POST' });
    const queueState = async () => (await request<{ queue: object }>('/health')).body.queue;
    const finish = async (id: string): Promise<JobBody> => (await request<JobBody>(`/jobs/${id}?wait=60`)).body;

    describe('as the tutorial service', () => {
      it('generates, remembers, refuses, and is healthy', async () => {
        const generated = await request<Generation>('/generate', { json: { prompt: 'Test prompt', max_length: 50 } });
        expect(generated.status).toBe(200);
        expect(generated.body).toMatchObject({
          id: expect.any(Number),
          prompt: 'Test prompt',
          model_name: 'tiny-tales',
        });
        expect(generated.body.generated_text.startsWith('Test prompt')).toBe(true);
        expect(generated.body.generated_text.length).toBeGreaterThan('Test prompt'.length);
        expect(Date.parse(generated.body.created_at)).not.toBeNaN();

        const refused = await request<Problem>('/generate', { json: { prompt: 'I hate this' } });
        expect(refused.status).toBe(400);
        expect(refused.body.detail).toContain('inappropriate content');

        const history = await request<Generation[]>('/history');
        expect(history.body).toHaveLength(1);
        expect(history.body[0]).toMatchObject({ id: generated.body.id, generated_text: generated.body.generated_text });
        expect((await request(`/history/${generated.body.id}`)).body).toEqual(history.body[0]);

        const health = async () => (await request('/health')).body;
        await expect.poll(health).toMatchObject({ status: 'healthy', problems: [], model: { name: 'tiny-tales' } });
      });
    });

    describe('POST /generate', () => {
      it('gives the same text for the same seed, and says which seed it chose', async () => {
        const first = await request<Generation>('/generate', { json: { prompt: 'The old king', max_new_tokens: 12 } });
        const again = await request<Generation>('/generate', {
          json: { prompt: 'The old king', max_new_tokens: 12, seed: first.body.seed },
        });
        expect(again.body.generated_text).toBe(first.body.generated_text);
        expect(again.body.usage).toEqual(first.body.usage);
      });

      it('is greedy at temperature 0, ends before a stop string, and counts tokens', async () => {
        const json = { prompt: 'Once upon a time', temperature: 0, max_new_tokens: 40 };
        const whole = await request<Generation>('/generate', { json });
        expect(whole.body).toMatchObject({
          finish_reason: 'length',
          usage: { prompt_tokens: 4, completion_tokens: 40, total_tokens: 44 },
        });
        const stopped = await request<Generation>('/generate', { json: { ...json, stop: ['money'] } });
        expect(stopped.body).toMatchObject({
          generated_text: 'Once upon a time there was a great deal of ',
          finish_reason: 'stop',
        });
      });

      it('answers 202 at once on request, and the job goes on', async () => {
        const { status, headers, body } = await request<JobBody>('/generate', {
          json: { prompt: 'A fox', max_new_tokens: 5 },
          headers: { Prefer: 'respond-async' },
        });
        expect(status).toBe(202);
        expect(headers.get('Location')).toBe(`/jobs/${body.id}`);
        expect(headers.get('Retry-After')).toBe('1');
        expect(headers.get('Preference-Applied')).toBe('respond-async');
        expect(await finish(body.id)).toMatchObject({ status: 'succeeded', usage: { completion_tokens: 5 } });
      });

      it('ignores an invalid Prefer, and echoes a valid one', async () => {
        const json = { prompt: 'A fox', max_new_tokens: 2 };
        const ignored = await request('/generate', { json, headers: { Prefer: 'wait=soon, handling=strict' } });
        expect([ignored.status, ignored.headers.get('Preference-Applied')]).toEqual([200, null]);
        const clamped = await request('/generate', { json, headers: { Prefer: 'wait=999' } });
        expect(clamped.headers.get('Preference-Applied')).toBe('wait=60');
        expect(clamped.headers.get('Server-Timing')).toMatch(/^queue;dur=\d+, generation;dur=[\d.]+, wait;dur=[\d.]+$/);
      });

      it('cancels the job of a client that leaves, if it asked for that', async () => {
        await queueTo('pause');
        const kept = await leave('continue');
        const left = await leave('cancel');
        // Without a wait: the job goes on while another client waits for it.
        const status = async () => (await request<JobBody>(`/jobs/${left}`)).body.status;
        await expect.poll(status).toBe('canceled');
        await queueTo('resume');
        expect((await finish(kept)).status).toBe('succeeded');
      });

      it('takes emoji and 500 characters, counted as Unicode code points', async () => {
        for (const prompt of ['🦊 went to sea in a 🚢', '🦊'.repeat(80), 'the sea '.repeat(62) + 'and '.repeat(1)]) {
          const { status, body } = await request<Generation>('/generate', { json: { prompt, max_new_tokens: 2 } });
          expect([status, body.prompt]).toEqual([200, prompt]);
        }
      });
    });

    describe('jobs', () => {
      it('go from queued to succeeded, with every field in every state', async () => {
        const job = await submit({ prompt: 'A goose', max_new_tokens: 6, temperature: 0.7, top_p: 0.9 });
        expect(job).toMatchObject({ object: 'job', attempt: 0, max_attempts: 3, output: null, error: null });
        const done = await finish(job.id);
        expect(done).toMatchObject({
          status: 'succeeded',
          attempt: 1,
          parameters: { max_length: null, max_new_tokens: 6, temperature: 0.7, top_k: 50, top_p: 0.9, stop: [] },
          model: { name: 'tiny-tales', engine: 'batched', dtype: expect.stringMatching(/^(?:fp32|int8)$/) },
          output: { finish_reason: expect.stringMatching(/^(?:length|stop)$/) },
          queue: null,
        });
        expect(done.timings.total_ms).toBeGreaterThanOrEqual(done.timings.generation_ms ?? 0);
      });

      it('have an ETag: 304 while unchanged, an answer as soon as it differs', async () => {
        const { id } = await submit({ prompt: 'A goose', max_new_tokens: 3 });
        const { headers } = await request<JobBody>(`/jobs/${id}?wait=60`);
        const etag = headers.get('ETag') ?? '';
        expect(etag).toMatch(/^W\/"\d+"$/);
        const unchanged = await request(`/jobs/${id}`, { headers: { 'If-None-Match': etag } });
        expect([unchanged.status, unchanged.body, unchanged.headers.get('ETag')]).toEqual([304, null, etag]);
        const other = await request(`/jobs/${id}?wait=1`, { headers: { 'If-None-Match': 'W/"1"' } });
        expect(other.status).toBe(200);
      });

      it('are canceled while they run, with their text so far', async () => {
        const { id } = await submit(longRequest);
        let etag = '';
        for (let status = 'queued'; status === 'queued';) {
          const { headers, body } = await request<JobBody>(`/jobs/${id}?wait=10`, {
            headers: { 'If-None-Match': etag === '' ? 'W/"0"' : etag },
          });
          etag = headers.get('ETag') ?? '';
          status = body?.status ?? status;
        }
        const canceled = await request<JobBody>(`/jobs/${id}/cancel`, { method: 'POST' });
        expect(canceled.status).toBe(202);
        expect(canceled.body.cancel_requested_at).not.toBeNull();
        const done = await finish(id);
        expect(done).toMatchObject({ status: 'canceled', output: { finish_reason: 'canceled', generation_id: null } });
        expect(done.usage?.completion_tokens).toBeLessThan(480);
        const again = await request<JobBody>(`/jobs/${id}/cancel`, { method: 'POST' });
        expect([again.status, again.body.status]).toEqual([200, 'canceled']);
      });

      it('are canceled at once while they wait, and never run', async () => {
        const blocker = await submit(longRequest);
        const { id } = await submit({ prompt: 'never', max_new_tokens: 5 });
        const canceled = await request<JobBody>(`/jobs/${id}/cancel`, { method: 'POST' });
        expect([canceled.status, canceled.body.status, canceled.body.attempt]).toEqual([200, 'canceled', 0]);
        await request(`/jobs/${blocker.id}/cancel`, { method: 'POST' });
        await finish(blocker.id);
      });

      it('fail POST /generate with 409 when somebody cancels them', async () => {
        const waiting = request<Problem>('/generate', { json: longRequest, headers: { Prefer: 'wait=60' } });
        const open = async () => (await request<Page>('/jobs?limit=1')).body.data[0];
        await expect.poll(async () => (await open())?.status, { timeout: 30_000 }).toMatch(/queued|running/);
        const job = await open();
        await request(`/jobs/${job?.id}/cancel`, { method: 'POST' });
        const { status, headers, body } = await waiting;
        expect([status, body.code, body.job_id]).toEqual([409, 'job_canceled', job?.id]);
        expect(headers.get('x-should-retry')).toBe('false');
      });

      it('are listed newest first, page by page, and by status', async () => {
        for (let index = 0; index < 3; index += 1)
          await finish((await submit({ prompt: `No. ${index}`, max_new_tokens: 1 })).id);
        const seen: string[] = [];
        let path: string | null = '/jobs?limit=2';
        while (path !== null && seen.length < 100) {
          const { headers, body }: { headers: Headers; body: Page } = await request<Page>(path);
          seen.push(...body.data.map(({ id }) => id));
          expect(headers.get('Link') !== null).toBe(body.has_more);
          path = /^<(.+)>; rel="next"$/.exec(headers.get('Link') ?? '')?.[1] ?? null;
        }
        const whole = await request<Page>('/jobs?limit=100');
        expect(seen).toEqual(whole.body.data.map(({ id }) => id));
        expect(whole.body.data.slice(0, 3).map(({ prompt }) => prompt)).toEqual(['No. 2', 'No. 1', 'No. 0']);
        const canceled = await request<Page>('/jobs?status=canceled');
        expect(new Set(canceled.body.data.map(({ status }) => status))).toEqual(new Set(['canceled']));
        const none = await request<Page>('/jobs?created_after=2999-01-01T00:00:00Z');
        expect(none.body).toEqual({ data: [], has_more: false, next_cursor: null });
      });

      it('show their slots and how much is written, while somebody looks', async () => {
        // A text takes half a second, and workers report themselves every second.
        const ids: string[] = [];
        for (let jobs = 0; jobs < 40; jobs += 1) ids.push((await submit(longRequest)).id);
        const readMachine = async () => (await request<MachineBody>('/machine')).body;
        const writing = async () => {
          const { workers } = await readMachine();
          return workers.flatMap(({ slot_states: slots }) => slots ?? []).find((slot) => (slot?.tokens ?? 0) > 0);
        };
        await expect.poll(writing, { timeout: 30_000 }).toMatchObject({ limit: 480, phase: 'writing' });
        const written = async () =>
          (await request<Page>('/jobs?status=running')).body.data.map(({ tokens_written: tokens }) => tokens ?? 0);
        await expect.poll(async () => Math.max(0, ...(await written())), { timeout: 30_000 }).toBeGreaterThan(0);
        for (const id of ids) await request(`/jobs/${id}/cancel`, { method: 'POST' });
        for (const id of ids) await finish(id);
        const { body: past } = await request<MachineBody>('/machine?history=60');
        expect(Math.max(...(past.history?.rates.ended.canceled ?? []))).toBeGreaterThan(0);
        expect(Math.max(...(past.history?.queue.running ?? []))).toBeGreaterThan(0);
      });

      it('finish when many are submitted at once', async () => {
        const jobs = await Promise.all(
          Array.from(
            { length: 20 },
            async (_, index) => await submit({ prompt: `Number ${index}`, max_new_tokens: 2 }),
          ),
        );
        const done = await Promise.all(jobs.map(async ({ id }) => await finish(id)));
        expect(new Set(done.map(({ status }) => status))).toEqual(new Set(['succeeded']));
      });
    });

    describe('an Idempotency-Key', () => {
      const json = { prompt: 'The goose girl', max_new_tokens: 3 };
      const withKey = (key: string) => ({ json, headers: { 'Idempotency-Key': key } });

      it('makes a repeated request return the same job in its present state', async () => {
        const first = await request<JobBody>('/jobs', withKey('same-job'));
        expect([first.status, replayed(first)]).toEqual([202, null]);
        const done = await finish(first.body.id);
        const again = await request<JobBody>('/jobs', {
          ...withKey('same-job'),
          json: { max_new_tokens: 3, prompt: json.prompt, top_k: 50 },
        });
        expect([again.status, replayed(again), again.headers.get('Location')]).toEqual([
          202,
          'true',
          `/jobs/${first.body.id}`,
        ]);
        expect(again.body).toEqual(done);
      });

      it('lets POST /generate join a job of any route, and answers at once when the job is done', async () => {
        const { body: job } = await request<JobBody>('/jobs', withKey('joined'));
        const joined = await Promise.all([
          request<Generation>('/generate', withKey('joined')),
          request<Generation>('/generate', withKey('joined')),
        ]);
        const after = await request<Generation>('/generate', {
          json,
          headers: { 'Idempotency-Key': 'joined', Prefer: 'respond-async' },
        });
        for (const answer of [...joined, after]) {
          expect([answer.status, replayed(answer), answer.body.job_id]).toEqual([200, 'true', job.id]);
        }
      });

      it('makes one job of many requests at once', async () => {
        const requests = Array.from({ length: 20 }, async () => await request<JobBody>('/jobs', withKey('crowd')));
        const answers = await Promise.all(requests);
        expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
        expect(answers.filter((answer) => replayed(answer) === null)).toHaveLength(1);
        await finish(answers[0]?.body.id ?? '');
      });

      it('is refused with another body', async () => {
        const { body: job } = await request<JobBody>('/jobs', withKey('taken'));
        for (const path of ['/jobs', '/generate']) {
          const other = await request<Problem>(path, { ...withKey('taken'), json: { ...json, seed: 1 } });
          expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
        }
        await finish(job.id);
      });

      it('is kept by a canceled job, and not stored with a refused request', async () => {
        const blocker = await submit(longRequest);
        const { body: job } = await request<JobBody>('/jobs', withKey('canceled'));
        await request(`/jobs/${job.id}/cancel`, { method: 'POST' });
        await request(`/jobs/${blocker.id}/cancel`, { method: 'POST' });
        const again = await request<Problem>('/generate', withKey('canceled'));
        expect([again.status, again.body.job_id, replayed(again)]).toEqual([409, job.id, 'true']);

        const refused = await request('/jobs', { ...withKey('refused'), json: { prompt: 'I hate this' } });
        const accepted = await request<JobBody>('/jobs', withKey('refused'));
        expect([refused.status, accepted.status, replayed(accepted)]).toEqual([400, 202, null]);
        await finish(accepted.body.id);
      });
    });

    describe('the queue, paused', () => {
      it('lets running jobs go on, starts no others, and continues with waiting jobs', async () => {
        const running = await submit(longRequest);
        const status = async (id: string) => (await request<JobBody>(`/jobs/${id}`)).body.status;
        await expect.poll(async () => await status(running.id), { interval: 5 }).not.toBe('queued');
        const paused = await queueTo('pause');
        const pause = { paused: true, paused_at: expect.any(String) as string };
        expect([paused.status, paused.body]).toEqual([200, { ...pause, paused_by: { owner: 'local', key: null } }]);
        const jobs = [await submit({ prompt: 'A fox', max_new_tokens: 2 })];
        const waited = await request<JobBody>('/generate', {
          json: { prompt: 'A hen', max_new_tokens: 2 },
          headers: { Prefer: 'wait=1' },
        });
        jobs.push(waited.body);
        expect([waited.status, waited.body.status]).toEqual([202, 'queued']);
        expect((await finish(running.id)).status).toBe('succeeded');
        // The slot is free, but the queue is paused.
        expect((await request<JobBody>(`/jobs/${waited.body.id}?wait=1`)).body.status).toBe('queued');
        await expect.poll(queueState).toEqual({ queued: 2, running: 0, ...pause });
        expect((await request('/health')).body).toMatchObject({
          status: 'degraded',
          problems: ['The queue is paused: jobs wait.'],
        });
        const resumed = await queueTo('resume');
        const noPause = { paused: false, paused_at: null };
        expect([resumed.status, resumed.body]).toEqual([200, { ...noPause, paused_by: null }]);
        for (const { id } of jobs) expect((await finish(id)).status).toBe('succeeded');
        await expect.poll(queueState).toEqual({ queued: 0, running: 0, ...noPause });
      });
    });

    describe('history', () => {
      it('pages by its Link header', async () => {
        const first = await request<Generation[]>('/history?limit=2');
        const next = /^<(.+)>; rel="next"$/.exec(first.headers.get('Link') ?? '')?.[1] ?? '';
        const second = await request<Generation[]>(next);
        const both = await request<Generation[]>('/history?limit=4');
        expect([...first.body, ...second.body]).toEqual(both.body);
      });
    });
  });
}
