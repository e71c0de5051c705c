import type { JobBody, Problem } from '@prosemill/contract';
import { newId, unstoredMs } from '@prosemill/core';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { endNext, openTestApi, readyWorker, testModel, type TestApi } from '../test-api.ts';

const problemOf = async (answer: Response) => [answer.status, ((await answer.json()) as Problem).code];

describe('DELETE /jobs/{id}', () => {
  let opened: TestApi;
  beforeEach(async () => {
    const api = await openTestApi();
    onTestFinished(async () => await api.close());
    opened = api;
  });

  const ask = async (method: string, path: string, json?: object, headers: Readonly<Record<string, string>> = {}) =>
    await opened.api.app.request(path, {
      method,
      headers: { ...headers, ...(json === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
  const submit = async (fields: object = {}, headers?: Readonly<Record<string, string>>): Promise<JobBody> =>
    (await (await ask('POST', '/jobs', { prompt: 'The old king', ...fields }, headers)).json()) as JobBody;
  const ended = async (fields: object = {}, headers?: Readonly<Record<string, string>>): Promise<JobBody> => {
    const { id } = await submit(fields, headers);
    await endNext(opened.store);
    return (await (await ask('GET', `/jobs/${id}`)).json()) as JobBody;
  };
  const idsOf = async (path: string) =>
    ((await (await ask('GET', path)).json()) as { data: readonly JobBody[] }).data.map(({ id }) => id);

  it('removes a job that has ended: it is in no list, its text is not in /history, and requests for it get 410', async () => {
    const job = await ended();
    const other = await ended();
    const answer = await ask('DELETE', `/jobs/${job.id.toUpperCase()}`);
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '?wait=1'],
      ['GET', '/stream'],
      ['GET', '/events'],
      ['POST', '/cancel'],
      ['POST', '/retry'],
      ['POST', '/verify'],
    ] as const) {
      const refused = await ask(method, `/jobs/${job.id}${path}`);
      expect([method, path, ...(await problemOf(refused))]).toEqual([method, path, 410, 'gone']);
      expect(refused.headers.get('x-should-retry')).toBe('false');
    }
    expect(await idsOf('/jobs')).toEqual([other.id]);
    expect(await idsOf('/jobs?status=succeeded&status=failed')).toEqual([other.id]);
    const history = (await (await ask('GET', '/history')).json()) as readonly { id: number }[];
    expect(history.map(({ id }) => id)).toEqual([other.output?.generation_id]);
    expect((await ask('GET', `/history/${job.output?.generation_id}`)).status).toBe(404);
  });

  it('is safe to repeat, and 404 for an unknown id', async () => {
    const { id } = await ended();
    expect([(await ask('DELETE', `/jobs/${id}`)).status, (await ask('DELETE', `/jobs/${id}`)).status]).toEqual([
      204, 204,
    ]);
    for (const unknown of [newId(), 'nonsense']) {
      expect(await problemOf(await ask('DELETE', `/jobs/${unknown}`))).toEqual([404, 'not_found']);
    }
  });

  it('refuses a job that has not ended, and one with a verification that has not', async () => {
    const { id } = await submit();
    expect(await problemOf(await ask('DELETE', `/jobs/${id}`))).toEqual([409, 'job_not_finished']);
    await opened.store.workers.report(readyWorker({ model: testModel }));
    await endNext(opened.store);
    const verification = await ask('POST', `/jobs/${id}/verify`, undefined, { Prefer: 'respond-async' });
    const { id: verificationId } = (await verification.json()) as JobBody;
    expect(await problemOf(await ask('DELETE', `/jobs/${id}`))).toEqual([409, 'job_not_finished']);
    await endNext(opened.store);
    expect((await ask('DELETE', `/jobs/${id}`)).status).toBe(204);
    expect(await problemOf(await ask('GET', `/jobs/${verificationId}`))).toEqual([410, 'gone']);
  });

  it('gives the Idempotency-Key back: the same request is a new job', async () => {
    const key = { 'Idempotency-Key': 'order-7' };
    const job = await ended({}, key);
    expect((await submit({}, key)).id).toBe(job.id);
    await ask('DELETE', `/jobs/${job.id}`);
    const next = await submit({}, key);
    expect([next.id === job.id, next.status]).toEqual([false, 'queued']);
  });

  it('tells a client that waits or streams that the job is gone', async () => {
    const { id } = await submit();
    const wait = ask('GET', `/jobs/${id}?wait=30`);
    const stream = await ask('GET', `/jobs/${id}/stream`);
    await opened.store.jobs.requestCancel('local', id);
    await opened.store.jobs.purge('local', id);
    expect(await problemOf(await wait)).toEqual([410, 'gone']);
    expect(await stream.text()).toContain('"code":"gone"');
  });
});

/** An API that keeps jobs for so long. `finish` generates a text, and tells how long after its end it expires. */
const open = async (retentionDays: number) => {
  const opened = await openTestApi({ retentionDays });
  onTestFinished(async () => await opened.close());
  const finish = async (fields: object) => {
    const request = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
    const body = JSON.stringify({ prompt: 'The old king', ...fields });
    const generation = opened.api.app.request('/generate', { ...request, body });
    await expect
      .poll(
        async () =>
          await endNext(opened.store).then(
            () => true,
            () => false,
          ),
      )
      .toBe(true);
    const text = (await (await generation).json()) as { job_id: string; expires_at: string | null };
    const job = (await (await opened.api.app.request(`/jobs/${text.job_id}`)).json()) as JobBody;
    expect(text.expires_at).toBe(job.expires_at);
    return job.expires_at === null ? null : Date.parse(job.expires_at) - Date.parse(job.finished_at ?? '');
  };
  return { opened, finish };
};

describe('expires_at', () => {
  it('is a minute after the end with "store": false, and else as long after it as jobs are kept', async () => {
    const forever = await open(0);
    expect([await forever.finish({}), await forever.finish({ store: false })]).toEqual([null, unstoredMs]);
    const month = await open(30);
    expect(await month.finish({})).toBe(30 * 24 * 60 * 60_000);
    expect(await month.finish({ store: false })).toBe(unstoredMs);
  });

  it('goes over to repetitions and verifications', async () => {
    const { opened, finish } = await open(0);
    await finish({ store: false });
    const [job] = (await opened.store.jobs.list({ ownerId: 'local', after: null, limit: 1 })).items;
    await opened.store.workers.report(readyWorker({ model: testModel }));
    for (const path of ['retry', 'verify']) {
      const answer = await opened.api.app.request(`/jobs/${job?.id}/${path}`, {
        method: 'POST',
        headers: { Prefer: 'respond-async' },
      });
      const { id } = (await answer.json()) as JobBody;
      expect((await opened.store.jobs.find('local', id))?.isStored).toBe(false);
    }
  });
});
