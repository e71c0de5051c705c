import { createHash } from 'node:crypto';
import type { JobBody, Problem } from '@prosemill/contract';
import { type Job, type ModelIdentity, newId, type Outcome, type WorkerReport } from '@prosemill/core';
import { newJob } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareTexts } from '../services/verify-job.ts';
import { endNext, openTestApi, readyWorker, serveModel, succeededWith, testModel, type TestApi } from '../test-api.ts';

interface Verification {
  readonly match: boolean;
  readonly output_sha256: string;
  readonly job_id: string;
}

const anotherModel: ModelIdentity = { ...testModel, fingerprint: 'f2' };
const failed: Outcome = { type: 'failed', error: { code: 'generation_failed', message: 'x' }, partial: null };
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const async = { Prefer: 'respond-async' };

describe('POST /jobs/{id}/verify', () => {
  let opened: TestApi;
  beforeEach(async () => {
    opened = await openTestApi();
  });
  afterEach(async () => {
    await opened.close();
  });

  const report = async (changes: Partial<WorkerReport> = {}): Promise<boolean> =>
    await opened.store.workers.report(readyWorker({ id: 'w', model: testModel, ...changes }));
  const send = async (path: string, method = 'GET', headers: Readonly<Record<string, string>> = {}) =>
    await opened.api.app.request(path, { method, headers });
  const verify = async (id: string, headers?: Readonly<Record<string, string>>) =>
    await send(`/jobs/${id}/verify`, 'POST', headers);
  const stored = async (id: string): Promise<Job | null> => await opened.store.jobs.find('local', id);
  const submit = async (): Promise<Job> => await opened.store.jobs.submit(newJob({ prompt: 'Once' }));
  const succeeded = async (): Promise<Job> => {
    const { id } = await submit();
    await endNext(opened.store);
    return (await stored(id)) as Job;
  };
  const queued = async (): Promise<number> => (await opened.store.jobs.measureQueue()).queued;
  /** Verifies a job, and ends the verification like this. */
  const verifyWith = async (job: Job, outcome: Outcome): Promise<Response> => {
    const answer = verify(job.id);
    await expect.poll(queued).toBe(1);
    await endNext(opened.store, { outcome });
    return await answer;
  };
  const refusal = async (id: string) => {
    const answer = await verify(id);
    const { code, detail } = (await answer.json()) as Problem;
    expect(await queued()).toBeLessThanOrEqual(1);
    return [answer.status, code, detail];
  };

  it('says whether the text is the same', async () => {
    await report();
    const job = await succeeded();
    for (const [completion, match] of [
      [' there', true],
      [' here', false],
    ] as const) {
      const answer = await verifyWith(job, succeededWith(completion));
      const body = (await answer.json()) as Verification;
      expect([answer.status, body]).toMatchObject([200, { match, output_sha256: sha256(`Once${completion}`) }]);
      expect(body).toMatchObject({ timings: { generation_ms: 2 } });
      expect(answer.headers.get('Server-Timing')).toMatch(/^queue;dur=\d+, generation;dur=2\.0, wait;dur=[\d.]+$/);
    }
  });

  it('repeats the request exactly, on the model of the job, for an hour at most', async () => {
    await report();
    const job = await succeeded();
    const { id } = (await (await verify(job.id, async)).json()) as JobBody;
    const verification = await stored(id);
    const { prompt, parameters, seed } = job;
    expect(verification).toMatchObject({ prompt, parameters, seed, verifyOf: job.id, requiredFingerprint: 'f1' });
    const lifeMs = Number(verification?.deadlineAt) - Number(verification?.createdAt);
    expect(Math.abs(lifeMs - 3_600_000)).toBeLessThan(5_000);
    const claim = { workerId: 'w2', leaseMs: 30_000, fromClass: 0 } as const;
    expect(await opened.store.jobs.claim({ ...claim, model: anotherModel })).toBeNull();
    expect((await opened.store.jobs.claim({ ...claim, model: testModel }))?.job.id).toBe(id);
  });

  it('is in no list and no history, and is found by its id', async () => {
    await report();
    const job = await succeeded();
    const answer = await verify(job.id, async);
    const { id } = (await answer.json()) as JobBody;
    expect([answer.status, answer.headers.get('Location')]).toEqual([202, `/jobs/${id}`]);
    await endNext(opened.store);
    const [first, second] = await Promise.all(
      [job.id, id].map(async (each) => (await (await send(`/jobs/${each}`)).json()) as JobBody),
    );
    expect(second).toMatchObject({ status: 'succeeded', verify_of: job.id, output: { generation_id: null } });
    expect([second?.output?.sha256, first?.verify_of]).toEqual([first?.output?.sha256, null]);
    expect(first?.urls.verify).toBe(`/jobs/${job.id}/verify`);
    const { data } = (await (await send('/jobs')).json()) as { data: JobBody[] };
    expect(data.map((each) => each.id)).toEqual([job.id]);
    expect(await (await send('/history')).json()).toHaveLength(1);
  });

  it('waits as the client prefers, as a waiting caller or as a normal job', async () => {
    await report();
    const job = await succeeded();
    const answer = await verify(job.id, { Prefer: 'wait=1' });
    expect([answer.status, answer.headers.get('Preference-Applied')]).toEqual([202, 'wait=1']);
    expect(answer.headers.get('Server-Timing')).toMatch(/^wait;dur=\d{4,}\.\d$/);
    const waited = await stored(((await answer.json()) as JobBody).id);
    const later = await stored(((await (await verify(job.id, async)).json()) as JobBody).id);
    expect([waited?.priorityClass, later?.priorityClass]).toEqual([0, 1]);
  });

  it('works for a verification and for a retry too', async () => {
    await report();
    const job = await succeeded();
    const first = (await (await verifyWith(job, succeededWith(' there'))).json()) as Verification;
    const again = await verifyWith((await stored(first.job_id)) as Job, succeededWith(' there'));
    expect(await again.json()).toMatchObject({ match: true });
    expect((await send(`/jobs/${first.job_id}/retry`, 'POST')).status).toBe(202);
  });

  it('is safe to repeat with an Idempotency-Key', async () => {
    await report();
    const job = await succeeded();
    const key = { 'Idempotency-Key': 'k' };
    const { id } = (await (await verify(job.id, { ...async, ...key })).json()) as JobBody;
    await endNext(opened.store);
    const again = await verify(job.id, key);
    expect([again.status, again.headers.get('Idempotent-Replayed'), await again.json()]).toMatchObject([
      200,
      'true',
      { match: true, job_id: id },
    ]);
    expect((await send(`/jobs/${job.id}/retry`, 'POST', key)).status).toBe(422);
  });

  it('tells the ending of a verification that has no text', async () => {
    await report();
    const job = await succeeded();
    const answer = await verifyWith(job, failed);
    const problem = (await answer.json()) as Problem;
    expect([answer.status, problem.code, answer.headers.get('x-should-retry')]).toEqual([
      500,
      'generation_failed',
      'false',
    ]);
    expect(await stored(problem.job_id ?? '')).toMatchObject({ status: 'failed', verifyOf: job.id });
    const canceled = verify(job.id);
    await expect.poll(queued).toBe(1);
    const claimed = await opened.store.jobs.claim({ workerId: 'w', model: testModel, leaseMs: 30_000, fromClass: 0 });
    await send(`/jobs/${claimed?.job.id}/cancel`, 'POST');
    await opened.store.jobs.complete({ id: claimed?.job.id ?? '', attempt: 1 }, { type: 'canceled', partial: null });
    expect([(await canceled).status, ((await (await canceled).json()) as Problem).code]).toEqual([409, 'job_canceled']);
  });

  it('needs a job that succeeded', async () => {
    await report();
    const { id } = await submit();
    expect(await refusal(id)).toEqual([409, 'job_not_finished', 'The job is queued: it can be verified when it ends.']);
    await endNext(opened.store, { outcome: failed });
    const why = 'only the text of a job that succeeded can be verified.';
    expect(await refusal(id)).toEqual([409, 'not_verifiable', `The job is failed: ${why}`]);
    const { id: canceled } = await submit();
    await send(`/jobs/${canceled}/cancel`, 'POST');
    expect(await refusal(canceled)).toEqual([409, 'not_verifiable', `The job is canceled: ${why}`]);
    for (const unknown of [newId(), 'x']) expect((await refusal(unknown)).slice(0, 2)).toEqual([404, 'not_found']);
  });

  it('needs a live worker with the fingerprint', async () => {
    const job = await succeeded();
    const missing = [409, 'not_verifiable', 'No worker has the model of the job: tiny-tales with the fingerprint f1.'];
    expect(await refusal(job.id)).toEqual(missing);
    for (const changes of [
      { model: anotherModel },
      { model: null },
      { state: 'draining' },
      { state: 'failed' },
    ] satisfies Partial<WorkerReport>[]) {
      await report(changes);
      expect(await refusal(job.id)).toEqual(missing);
    }
    // Its engine starts again.
    await report({ state: 'loading' });
    expect((await verify(job.id, async)).status).toBe(202);
  });

  it('checks the token budget only against the model of the job', async () => {
    await report();
    const short = await succeeded();
    const { id } = await opened.store.jobs.submit(newJob({ prompt: 'Once', tokenBudget: 8 }));
    await endNext(opened.store, { model: anotherModel });
    await serveModel(opened.store, { contextLength: 3 });
    await report({ id: 'v', model: anotherModel });
    const { status, body } = await verify(id, async).then(async (answer) => ({
      status: answer.status,
      body: (await answer.json()) as JobBody,
    }));
    expect([status, await stored(body.id)]).toMatchObject([202, { requiredFingerprint: 'f2', tokenBudget: null }]);
    expect(await refusal(short.id)).toEqual([422, 'context_length_exceeded', expect.any(String)]);
  });

  it('compares nothing that another model has written', async () => {
    const job = await succeeded();
    const other = { ...job, id: newId(), model: anotherModel };
    expect(() => compareTexts(job, other)).toThrow(
      expect.objectContaining({ code: 'not_verifiable', details: { job_id: other.id } }),
    );
    expect(compareTexts(job, { ...other, model: testModel })).toMatchObject({ match: true });
    expect(compareTexts(job, { ...other, status: 'failed' })).toBeNull();
  });
});
