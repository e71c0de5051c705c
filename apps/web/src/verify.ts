/** Computing a text again, to compare it with the one that is there. */
import type { JobBody, Verification } from '@prosemill/contract';
import type { PageProblem } from './api.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { requestVerification, waitForJob } from './requests.ts';

export type VerifyState =
  | { readonly kind: 'working' }
  | { readonly kind: 'identical' | 'different'; readonly sha256: string }
  /** The computation ended without a text. */
  | { readonly kind: 'ended'; readonly job: JobBody }
  | { readonly kind: 'problem'; readonly problem: PageProblem };

const waitSeconds = 20;

/** Waits as long as it takes. */
export async function verifyJob(job: JobBody): Promise<VerifyState> {
  const answer = await requestVerification(job.id, { idempotencyKey: newIdempotencyKey() });
  if (!answer.ok) return { kind: 'problem', problem: answer.problem };
  if (isComparison(answer.body)) return compared(answer.body.match, answer.body.output_sha256);
  for (let verification = answer.body; ;) {
    if (verification.finished_at !== null) {
      const sha256 = verification.status === 'succeeded' ? verification.output?.sha256 : undefined;
      if (sha256 === undefined) return { kind: 'ended', job: verification };
      return compared(sha256 === job.output?.sha256, sha256);
    }
    const next = await waitForJob(verification.id, { etag: null, seconds: waitSeconds });
    if (!next.ok) return { kind: 'problem', problem: next.problem };
    verification = next.body ?? verification;
  }
}

const isComparison = (body: Verification | JobBody): body is Verification => 'match' in body;

const compared = (isSame: boolean, sha256: string): VerifyState => ({
  kind: isSame ? 'identical' : 'different',
  sha256,
});

export function describeVerification(state: Exclude<VerifyState, { readonly kind: 'problem' }>): string {
  switch (state.kind) {
    case 'working':
      return 'Computing it again…';
    case 'identical':
      return `Identical, letter for letter: computed again, sha256 ${state.sha256.slice(0, 8)}…`;
    case 'different':
      return `Different: the text that was computed again has sha256 ${state.sha256.slice(0, 8)}…`;
    case 'ended':
      return `Not computed again: the verification is ${state.job.status}.`;
  }
}
