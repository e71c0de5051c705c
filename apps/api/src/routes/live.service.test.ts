import { machineSchema, type Problem } from '@prosemill/contract';
import { newId, type NewJob, type Store, type WakeUps } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKey } from '../auth/create-key.ts';
import { openTestApi, readyWorker, type TestApi, type TestApiOptions } from '../test-api.ts';
import { collectText, EventReader, type SentEvent, TestWorker } from '../test-streams.ts';

const idOf = (event: SentEvent): unknown => (event.data as { readonly job_id?: string }).job_id;

describe('GET /live', () => {
  let opened: TestApi;
  let store: Store;
  let wakeUps: WakeUps;

  async function open(options: TestApiOptions = {}): Promise<void> {
    const queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
    ({ wakeUps } = queue);
    opened = await openTestApi({ wakeUps, hints: queue.sender, ...options });
    ({ store } = opened);
  }
  beforeEach(async () => await open());
  afterEach(async () => await opened.close());

  const request = async (query: string, secret?: string): Promise<Response> =>
    await opened.api.app.request(`/live?${query}`, {
      headers: secret === undefined ? {} : { Authorization: `Bearer ${secret}` },
    });
  const submit = async (overrides: Partial<NewJob> = {}): Promise<string> =>
    (await store.jobs.submit(newJob({ isWatched: true, ...overrides }))).id;
  const claim = async (): Promise<TestWorker> => await TestWorker.claim(store, wakeUps);

  it('streams several jobs with their ids, and ends with the last of them', async () => {
    const ids = [await submit(), await submit()];
    const reader = new EventReader(await request(ids.map((id) => `job=${id}`).join('&')));
    expect((await reader.next())?.event).toBe('retry');
    const [first, second] = [await claim(), await claim()];
    await first.write('Once');
    await second.write('Twice');
    await second.succeed(' upon');
    await first.succeed(' upon a time');
    const events = await reader.rest();
    const byJob = Map.groupBy(events, idOf);
    expect(new Set(byJob.keys())).toEqual(new Set(ids));
    expect(ids.map((id) => collectText(byJob.get(id) ?? []))).toEqual(['Once upon a time', 'Twice upon']);
    for (const id of ids) {
      const ofJob = byJob.get(id) ?? [];
      expect(ofJob[0]).toMatchObject({ event: 'status', data: { id, job_id: id } });
      expect(ofJob.at(-1)).toMatchObject({ event: 'completed', data: { id, status: 'succeeded' } });
      expect(ofJob.every((event) => /^\d+-\d+-[0-9a-f]{8}$/.test(event.id ?? ''))).toBe(true);
    }
  });

  it('goes on with each job where the client stopped', async () => {
    const id = await submit();
    const worker = await claim();
    await worker.succeed('Once upon a time');
    const all = await new EventReader(await request(`job=${id}`)).rest();
    const start = await new EventReader(await request(`job=${id.toUpperCase()}@2-4`)).rest();
    expect([collectText(all), collectText(start)]).toEqual(['Once upon a time', ' upon a time']);
    const last = all.at(-1)?.id ?? '';
    const again = await new EventReader(await request(`job=${id}@${last}&job=${id}@${last}`)).rest();
    expect(again.map(({ event }) => event)).toEqual(['retry', 'status', 'completed']);
  });

  it('tells of a job that is not there, or another owner’s, and goes on with the others', async () => {
    const [own, foreign, missing] = [await submit(), await submit({ ownerId: 'other' }), newId()];
    const ended = await claim();
    await ended.succeed('text');
    const events = await new EventReader(await request(`job=${missing}&job=${foreign}&job=${own}&job=x`)).rest();
    const errors = new Map(
      events.filter(({ event }) => event === 'error').map(({ data }) => [(data as Problem).job_id, data as Problem]),
    );
    expect(new Set(errors.keys())).toEqual(new Set([missing, foreign, 'x']));
    for (const [id, problem] of errors) {
      expect(problem).toMatchObject({ code: 'not_found', status: 404, detail: `There is no job ${id}.` });
    }
    expect(events.at(-1)).toMatchObject({ event: 'completed', data: { job_id: own } });
  });

  it('tells which jobs change', async () => {
    const reader = new EventReader(await request('topic=jobs'));
    await reader.next();
    const id = await submit();
    expect(await reader.nextOf('jobs')).toEqual({
      event: 'jobs',
      data: { data: [{ id, status: 'queued', version: 1 }], has_more: false },
    });
    const worker = await claim();
    expect((await reader.nextOf('jobs')).data.data).toEqual([{ id, status: 'running', version: 2 }]);
    await worker.succeed('text');
    expect((await reader.nextOf('jobs')).data.data).toEqual([{ id, status: 'succeeded', version: 3 }]);
    await reader.leave();
  });

  it('shows the machine every second', async () => {
    const jobId = newId();
    const slot = { jobId, ownerId: 'local', tokens: 3, limit: 20 };
    await store.workers.report(readyWorker({ activity: { slots: [slot], tokensPerSecond: 5 } }));
    const reader = new EventReader(await request('topic=machine'));
    const first = await reader.nextOf('machine');
    expect(machineSchema.parse(first.data).workers[0]?.slot_states?.[0]?.job_id).toBe(jobId);
    // The first comes at once, the others with the seconds of the process.
    const [second, third] = [await reader.nextOf('machine'), await reader.nextOf('machine')];
    const passedMs = Date.parse(third.data.now) - Date.parse(second.data.now);
    expect(passedMs).toBeGreaterThan(900);
    await reader.leave();
  });

  it('joins jobs and topics in one stream', async () => {
    const id = await submit();
    const reader = new EventReader(await request(`job=${id}&topic=jobs&topic=machine`));
    const seen = new Set<string>();
    while (!['status', 'jobs', 'machine'].every((event) => seen.has(event)))
      seen.add((await reader.next())?.event ?? '');
    await (await claim()).succeed('text');
    expect(idOf(await reader.nextOf('completed'))).toBe(id);
    // The topics go on.
    expect((await reader.nextOf('machine')).event).toBe('machine');
    await reader.leave();
  });

  it.each([
    ['', 'needs a job or a topic'],
    ['topic=all', '/topic/0: '],
    ['job=x@1', '/job/0: after @: must be the id of an event'],
    [Array.from({ length: 17 }, (_, job) => `job=${job}`).join('&'), 'must name at most 16 jobs'],
    ['job=x&after=1', '/after: is not a known name'],
  ])('refuses "%s"', async (query, detail) => {
    const response = await request(query);
    expect(response.status).toBe(422);
    expect(((await response.json()) as Problem).detail).toContain(detail);
  });

  it('ends with the process, and says when to come back', async () => {
    const id = await submit();
    const reader = new EventReader(await request(`job=${id}&topic=jobs&topic=machine`));
    await reader.nextOf('machine');
    opened.api.beginShutdown();
    const rest = await reader.rest();
    expect(rest.at(-1)?.event).toBe('retry');
    // An EventSource would give up after an error.
    expect((await new EventReader(await request('topic=machine')).rest()).map(({ event }) => event)).toEqual([
      'retry',
      'retry',
    ]);
  });

  it('ends when its key is no longer valid', async () => {
    await opened.close();
    await open({ access: { auth: 'keys', adminKey: null } });
    const { secret, key } = await createKey(store.apiKeys, { owner: 'a', name: 'k', scopes: ['read', 'admin'] });
    const reader = new EventReader(await request('topic=machine', secret));
    await reader.nextOf('machine');
    await opened.api.app.request(`/admin/keys/${key.id}`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${secret}` },
    });
    vi.useFakeTimers({ toFake: ['performance'], now: 0 });
    vi.advanceTimersByTime(60_000);
    const last = (await reader.rest()).at(-1);
    vi.useRealTimers();
    expect(last).toMatchObject({ event: 'error', data: { code: 'unauthorized' } });
  });
});
