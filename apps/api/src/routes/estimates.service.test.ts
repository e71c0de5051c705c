import type { JobBody, Problem } from '@prosemill/contract';
import type { WorkerReport } from '@prosemill/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, readyWorker, type TestApi, type TestApiOptions } from '../test-api.ts';

/** A text of 50 tokens takes 500 ms. */
const speed = { stepMs: 9, textMs: 1, newTokenShare: 1 };
const textMs = 500;
const worker = readyWorker({ speed });

let opened: TestApi;
const toClose: TestApi[] = [];

async function open(report: WorkerReport | null, options: TestApiOptions = {}): Promise<void> {
  opened = await openTestApi(options);
  toClose.push(opened);
  if (report !== null) await opened.store.workers.report(report);
}

const send = async (path: string, init: RequestInit = {}): Promise<Response> =>
  await opened.api.app.request(path, init);

async function post(path: string, fields: object = {}, headers: Record<string, string> = {}): Promise<Response> {
  const body = JSON.stringify({ prompt: 'a', ...fields });
  return await send(path, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body });
}

async function submit(fields: object = {}): Promise<JobBody> {
  const answer = await post('/jobs', fields);
  expect(answer.status).toBe(202);
  return (await answer.json()) as JobBody;
}

const pollMsOf = ({ headers }: Response): [number, number] => [
  Number(headers.get('Retry-After')),
  Number(headers.get('openai-poll-after-ms')),
];

/** Milliseconds from the submit to an estimate; the time of the test itself is in it. */
const sinceSubmit = ({ created_at: createdAt }: JobBody, time: string | null | undefined): number =>
  new Date(time ?? Number.NaN).getTime() - new Date(createdAt).getTime();

const near = (ms: number) =>
  expect.toSatisfy((value) => typeof value === 'number' && value > ms - 20 && value < ms + 400);

afterEach(async () => {
  for (const each of toClose.splice(0)) await each.close();
});

describe('the estimates of a queued job', () => {
  beforeEach(async () => {
    await open(worker);
  });

  it('are its place, its start and its end, by the speed of the workers and the tokens ahead', async () => {
    for (const ahead of [0, 1, 2]) {
      const answer = await post('/jobs');
      const job = (await answer.json()) as JobBody;
      const { position, estimated_start_at: startAt, estimated_finish_at: finishAt } = job.queue ?? {};
      expect(position).toBe(ahead);
      expect(sinceSubmit(job, startAt)).toEqual(near(ahead * textMs));
      expect(sinceSubmit(job, finishAt)).toEqual(near((ahead + 1) * textMs));
      const [seconds, ms] = pollMsOf(answer);
      expect(ms).toEqual(near((ahead + 1) * textMs));
      expect(seconds).toBe(Math.ceil(ms / 1_000));
    }
  });

  it('are in each answer about it, also in those without a body, and outside its ETag', async () => {
    await submit();
    const { id } = await submit();
    const path = `/jobs/${id}`;
    const answers = [
      await send(path),
      await send(`${path}?wait=1`),
      await post('/generate', {}, { Prefer: 'respond-async' }),
      await send(path, { headers: { 'If-None-Match': 'W/"1"' } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 202, 304]);
    // The third answer is about a job of its own.
    const texts = [2, 2, 3, 2];
    for (const [index, answer] of answers.entries()) {
      expect(pollMsOf(answer)).toEqual([expect.any(Number), near((texts[index] ?? 0) * textMs)]);
    }
    const { data } = (await (await send('/jobs')).json()) as { data: JobBody[] };
    expect(data.map(({ queue }) => queue?.position)).toEqual([2, 1, 0]);
    for (const { queue } of data) expect(queue?.estimated_finish_at).not.toBeNull();
  });

  it('end with the wait: a running job has an estimated end in its headers, a job that ended has none', async () => {
    const { id } = await submit();
    const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' };
    await opened.store.jobs.claim({ workerId: worker.id, model, leaseMs: 30_000, fromClass: 0 });
    const running = await send(`/jobs/${id}`);
    expect(pollMsOf(running)).toEqual([1, expect.toSatisfy((ms) => ms >= 250 && ms <= textMs)]);
    expect(((await running.json()) as JobBody).queue).toBeNull();
    const canceling = await send(`/jobs/${id}/cancel`, { method: 'POST' });
    expect([canceling.status, canceling.headers.get('openai-poll-after-ms')]).toEqual([202, expect.any(String)]);
    const { id: other } = await submit();
    const canceled = await send(`/jobs/${other}/cancel`, { method: 'POST' });
    expect(canceled.headers.get('openai-poll-after-ms')).toBeNull();
    const ended = await send(`/jobs/${other}`);
    expect([ended.headers.get('Retry-After'), ended.headers.get('openai-poll-after-ms')]).toEqual([null, null]);
  });

  it('are only its place while the queue is paused', async () => {
    await opened.store.jobs.pause({ ownerId: 'local', key: null });
    const answer = await post('/jobs');
    const { queue } = (await answer.json()) as JobBody;
    expect(queue).toEqual({ position: 0, estimated_start_at: null, estimated_finish_at: null });
    expect(pollMsOf(answer)).toEqual([1, 1_000]);
  });

  it('ask for a poll after 30 s at the latest', async () => {
    await open({ ...worker, speed: { ...speed, stepMs: 10_000 } });
    expect(pollMsOf(await post('/jobs'))).toEqual([30, 30_000]);
  });
});

it.each([
  ['no worker', null],
  ['a worker of a version that does not measure', { ...worker, speed: null }],
  ['a worker that loads its model', { ...worker, state: 'loading' as const }],
])('nothing is estimated and no deadline refused with %s', async (_name, report) => {
  await open(report);
  const { queue } = await submit({ deadline_ms: 1 });
  expect(queue).toEqual({ position: 0, estimated_start_at: null, estimated_finish_at: null });
});

describe('a deadline or a start timeout', () => {
  beforeEach(async () => {
    await open(worker);
    for (let jobs = 0; jobs < 4; jobs += 1) await submit();
  });

  it('that can be met is accepted and stored', async () => {
    const { id } = await submit({ deadline_ms: 60_000, start_timeout_ms: 30_000 });
    const job = await opened.store.jobs.find('local', id);
    expect(Number(job?.deadlineAt) - Number(job?.createdAt)).toBeCloseTo(60_000, -2);
    expect(Number(job?.startDeadlineAt) - Number(job?.createdAt)).toBeCloseTo(30_000, -2);
  });

  it.each([{ deadline_ms: 2_400 }, { start_timeout_ms: 1_900 }])(
    'that cannot be met is refused: %o',
    async (fields) => {
      for (const path of ['/jobs', '/generate']) {
        // A waiting client comes first, so its job would start at once.
        const isLow = path === '/generate' ? { priority: 'low' } : {};
        const answer = await post(path, { ...fields, ...isLow });
        const { code, detail } = (await answer.json()) as Problem;
        expect([answer.status, code]).toEqual([503, 'deadline_unmeetable']);
        expect(detail).toContain(Object.keys(fields)[0]);
        expect([answer.headers.get('Retry-After'), answer.headers.get('x-should-retry')]).toEqual(['1', 'true']);
      }
      expect(await opened.store.jobs.measureQueue()).toMatchObject({ queued: 4 });
    },
  );

  it('is judged by the place of the job: a client that waits comes before the queue', async () => {
    const answer = await post('/generate', { deadline_ms: 1_900, start_timeout_ms: 1_400 }, { Prefer: 'wait=1' });
    expect(answer.status).toBe(202);
  });

  it.each([0, -1, 1.5, 604_800_001, '1'])('of %o is refused as invalid', async (value) => {
    for (const name of ['deadline_ms', 'start_timeout_ms']) {
      const answer = await post('/jobs', { [name]: value });
      const { errors } = (await answer.json()) as Problem;
      expect([answer.status, errors[0]?.pointer]).toEqual([422, `/${name}`]);
    }
  });
});

it.each(['start_timeout_ms', 'deadline_ms'])(
  '%s that passes in the queue ends a waiting request with 504',
  async (name) => {
    await open(null);
    const answer = post('/generate', { [name]: 1 }, { Prefer: 'wait=30' });
    await expect.poll(async () => await opened.store.jobs.expireJobs(1)).toHaveLength(1);
    const { code, job_id: id } = (await (await answer).json()) as Problem;
    expect([(await answer).status, code]).toEqual([504, 'deadline_exceeded']);
    expect(await opened.store.jobs.find('local', id ?? '')).toMatchObject({ status: 'expired' });
  },
);

it('a low priority puts a job behind all others, also one whose client waits', async () => {
  await open(null);
  const low = await submit({ priority: 'low' });
  const waiting = await post('/generate', { priority: 'low' }, { Prefer: 'wait=1' });
  const normal = await submit({ priority: 'normal' });
  const classes = [low, (await waiting.json()) as JobBody, normal].map(async ({ id }) => {
    return (await opened.store.jobs.find('local', id))?.priorityClass;
  });
  expect(await Promise.all(classes)).toEqual([2, 2, 1]);
  expect(normal.queue?.position).toBe(0);
});

it('a queue that is full of tokens refuses, and says when there is room by the speed of the workers', async () => {
  await open({ ...worker, speed: { ...speed, stepMs: 59 } }, { maxQueuedTokens: 100 });
  await submit();
  await submit();
  const answer = await post('/jobs');
  const { code, detail } = (await answer.json()) as Problem;
  expect([answer.status, code, detail]).toEqual([503, 'queue_full', expect.stringContaining('100 tokens')]);
  // One text takes 3 s; the number of jobs is up to a second old.
  await expect.poll(async () => (await post('/jobs')).headers.get('retry-after-ms')).toBe('3000');
  expect((await post('/jobs')).headers.get('Retry-After')).toBe('3');
});
