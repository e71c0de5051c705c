/** Computing a text again, to compare it with the one that is there. */
import { newIdempotencyKey } from '@prosemill/client';
import type { JobBody } from '@prosemill/contract';
import type { PageProblem } from './api.ts';
import { verify } from './requests.ts';

export type VerifyState =
  | { readonly kind: 'working' }
  | { readonly kind: 'identical' | 'different'; readonly sha256: string }
  /** The computation ended without a text. */
  | { readonly kind: 'ended'; readonly status: JobBody['status'] }
  | { readonly kind: 'problem'; readonly problem: PageProblem };

/** Waits as long as it takes. */
export async function verifyJob({ id }: JobBody): Promise<VerifyState> {
  const answer = await verify(id, newIdempotencyKey());
  if (answer.ok) {
    const { match, output_sha256: sha256 } = answer.body;
    return { kind: match ? 'identical' : 'different', sha256 };
  }
  const { problem } = answer;
  if (problem.status > 0 || problem.code === 'no_answer') return { kind: 'problem', problem };
  // The end of the computation is no answer of the service.
  const statuses = { job_canceled: 'canceled', deadline_exceeded: 'expired' } as const;
  return { kind: 'ended', status: statuses[problem.code as keyof typeof statuses] ?? 'failed' };
}

export function describeVerification(state: Exclude<VerifyState, { readonly kind: 'problem' }>): string {
  switch (state.kind) {
    case 'working':
      return 'Computing it again…';
    case 'identical':
      return `Identical, letter for letter: computed again, sha256 ${state.sha256.slice(0, 8)}…`;
    case 'different':
      return `Different: the text that was computed again has sha256 ${state.sha256.slice(0, 8)}…`;
    case 'ended':
      return `Not computed again: the verification is ${state.status}.`;
  }
}
