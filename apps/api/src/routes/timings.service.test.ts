import type { JobBody, Problem } from '@prosemill/contract';
import type { Outcome } from '@prosemill/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endNext, openTestApi, succeededWith, type TestApi } from '../test-api.ts';

const generation = /^queue;dur=\d+, generation;dur=2\.0, wait;dur=[\d.]+$/;
const timings = {
  queue_ms: expect.any(Number) as number,
  time_to_first_token_ms: 1,
  generation_ms: 2,
  total_ms: expect.any(Number) as number,
  tokens_per_second: 500,
};
const partial = {
  completion: ' there',
  usage: { promptTokens: 4, completionTokens: 1 },
  timeToFirstTokenMs: 1,
  generationMs: 2,
};
const failed = (code: string): Outcome => ({ type: 'failed', error: { code, message: 'Why.' }, partial });

describe('an answer after a wait tells its times', () => {
  let opened: TestApi;
  beforeAll(async () => {
    opened = await openTestApi();
  });
  afterAll(async () => {
    await opened.close();
  });

  const generate = async (): Promise<Response> =>
    await opened.api.app.request('/generate', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"prompt":"a"}',
    });
  const newest = async (): Promise<JobBody | undefined> => {
    const page = (await (await opened.api.app.request('/jobs?limit=1')).json()) as { data: JobBody[] };
    return page.data[0];
  };
  const queued = async (): Promise<JobBody> => {
    await expect.poll(async () => (await newest())?.status).toBe('queued');
    return (await newest()) as JobBody;
  };
  const endWith = async (outcome: Outcome): Promise<Response> => {
    const answer = generate();
    await queued();
    await endNext(opened.store, { outcome });
    return await answer;
  };

  it('with the text', async () => {
    const answer = await endWith(succeededWith(' there'));
    expect([answer.status, await answer.json()]).toMatchObject([200, { generated_text: 'a there', timings }]);
    expect(answer.headers.get('Server-Timing')).toMatch(generation);
  });

  it.each([
    ['generation_failed', 500],
    ['worker_lost', 500],
    ['deadline_exceeded', 504],
    ['context_length_exceeded', 422],
  ])('with the error of a job that failed: %s', async (code, status) => {
    const answer = await endWith(failed(code));
    const problem = (await answer.json()) as Problem;
    expect([answer.status, problem.code, problem.timings]).toEqual([status, code, timings]);
    expect(answer.headers.get('Server-Timing')).toMatch(generation);
    expect(answer.headers.get('x-should-retry')).toBe('false');
  });

  it('with the error of a job that somebody canceled', async () => {
    const answer = generate();
    const { id } = await queued();
    await opened.api.app.request(`/jobs/${id}/cancel`, { method: 'POST' });
    const { status, headers } = await answer;
    const problem = (await (await answer).json()) as Problem;
    expect([status, problem.code, problem.job_id]).toEqual([409, 'job_canceled', id]);
    expect(problem.timings).toMatchObject({ queue_ms: null, generation_ms: null });
    expect(problem.timings?.total_ms).toBeGreaterThanOrEqual(0);
    expect(headers.get('Server-Timing')).toMatch(/^wait;dur=[\d.]+$/);
  });

  it('with the job, when the wait was over first', async () => {
    const answer = await opened.api.app.request('/generate', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Prefer: 'wait=1' },
      body: '{"prompt":"a"}',
    });
    expect([answer.status, await answer.json()]).toMatchObject([202, { timings: { queue_ms: null } }]);
    expect(answer.headers.get('Server-Timing')).toMatch(/^wait;dur=\d{4,}\.\d$/);
  });
});
