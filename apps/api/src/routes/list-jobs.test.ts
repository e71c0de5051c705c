import type { JobBody, Problem } from '@prosemill/contract';
import { newId } from '@prosemill/core';
import { newJob } from '@prosemill/testkit';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { endNext, openTestApi, type TestApi } from '../test-api.ts';

interface Page {
  readonly data: readonly JobBody[];
  readonly next_cursor: string | null;
}

const idsOf = ({ data }: Page) => data.map(({ id }) => id);

describe('GET /jobs', () => {
  let opened: TestApi;
  beforeEach(async () => {
    const api = await openTestApi();
    onTestFinished(async () => await api.close());
    opened = api;
  });

  const submit = async (overrides: Parameters<typeof newJob>[0] = {}) =>
    await opened.store.jobs.submit(newJob(overrides));
  const get = async (query: string, ifNoneMatch?: string): Promise<Response> =>
    await opened.api.app.request(`/jobs${query}`, {
      headers: ifNoneMatch === undefined ? {} : { 'If-None-Match': ifNoneMatch },
    });
  const list = async (query: string): Promise<Page> => (await (await get(query)).json()) as Page;
  const etagOf = async (query: string): Promise<string> => (await get(query)).headers.get('ETag') ?? '';

  it('lists jobs of one status, and of several, and links the next page with all of them', async () => {
    await submit();
    const succeeded = await endNext(opened.store);
    const canceled = await submit();
    await opened.store.jobs.requestCancel('local', canceled.id);
    const queued = await submit();
    expect(idsOf(await list('?status=canceled'))).toEqual([canceled.id]);
    expect(new Set(idsOf(await list('?status=succeeded&status=queued')))).toEqual(new Set([succeeded.id, queued.id]));
    const first = await get('?status=queued&limit=1&status=canceled');
    expect(idsOf((await first.json()) as Page)).toEqual([queued.id]);
    const link = /^<\/jobs(\?[^>]+)>; rel="next"$/.exec(first.headers.get('Link') ?? '')?.[1] ?? '';
    expect(idsOf(await list(link))).toEqual([canceled.id]);
  });

  it('lists the repetitions of a job', async () => {
    const job = await submit();
    const repetition = await submit({ retryOf: job.id });
    expect(idsOf(await list(`?retry_of=${job.id.toUpperCase()}`))).toEqual([repetition.id]);
    expect(idsOf(await list(`?retry_of=${newId()}`))).toEqual([]);
  });

  it.each([
    ['?status=queued&status=asleep', '/status/1'],
    ['?status=', '/status/0'],
    ['?retry_of=7', '/retry_of'],
    ['?retry_of=', '/retry_of'],
    ['?limit=1&limit=2', '/limit'],
  ])('refuses %s', async (query, pointer) => {
    const answer = await get(query);
    expect([answer.status, ((await answer.json()) as Problem).errors.map((each) => each.pointer)]).toEqual([
      422,
      [pointer],
    ]);
  });

  it('answers 304 while nothing on the page has changed', async () => {
    await submit();
    const etag = await etagOf('');
    const unchanged = await get('', etag);
    expect([unchanged.status, await unchanged.text(), unchanged.headers.get('ETag')]).toEqual([304, '', etag]);
    expect((await get('', `"x", ${etag}`)).status).toBe(304);
    expect((await get('', '"x"')).status).toBe(200);
  });

  it('has another ETag after a transition, a new job, and a step forward in the queue', async () => {
    const first = await submit();
    const second = await submit({ retryOf: first.id });
    const onlySecond = `?retry_of=${first.id}`;
    const etags = [await etagOf(''), await etagOf('?limit=1'), await etagOf(onlySecond)];
    await endNext(opened.store);
    // The job itself is as before.
    expect((await list(onlySecond)).data).toMatchObject([{ id: second.id, status: 'queued', queue: { position: 0 } }]);
    etags.push(await etagOf(''), await etagOf(onlySecond));
    await submit();
    etags.push(await etagOf(''));
    expect(new Set(etags).size).toBe(etags.length);
  });
});
