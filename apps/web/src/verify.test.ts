import type { JobBody } from '@prosemill/contract';
import { expect, it, vi } from 'vitest';
import { endedJob, testJob } from './test-job.ts';
import { describeVerification, verifyJob, type VerifyState } from './verify.ts';

const json = (body: object): Response => Response.json(body);
const problem = (code: string, status: number): Response =>
  Response.json({ code, status, errors: [] }, { status, headers: { 'Content-Type': 'application/problem+json' } });

/** @param ending  Of the job that computes the text again; its sha256 is that of the text. */
async function verifyWith(ending: Partial<JobBody> | Response): Promise<VerifyState> {
  const job = endedJob(' there', { id: 'a' });
  vi.stubGlobal('fetch', async (path: string) => {
    if (path === './jobs/a') return json(job);
    if (ending instanceof Response) return ending;
    if (path === './jobs/a/verify') return json(testJob({ id: 'b' }));
    return json({ ...endedJob(' there', { id: 'b' }), ...ending });
  });
  return await verifyJob(job);
}

it('compares the text that was computed again', async () => {
  expect(await verifyWith({})).toMatchObject({ kind: 'identical' });
  const { output } = endedJob(' was');
  expect(await verifyWith({ output })).toEqual({ kind: 'different', sha256: output?.sha256 });
});

it.each([
  ['canceled', null],
  ['expired', null],
  ['failed', { code: 'worker_lost', message: '' }],
] as const)('says that the computation is %s', async (status, error) => {
  const state = await verifyWith({ status, error, output: null });
  expect(state.kind === 'problem' ? state : describeVerification(state)).toBe(
    `Not computed again: the verification is ${status}.`,
  );
});

it('tells a refusal from an end', async () => {
  expect(await verifyWith(problem('not_verifiable', 409))).toMatchObject({
    kind: 'problem',
    problem: { code: 'not_verifiable', status: 409 },
  });
});
