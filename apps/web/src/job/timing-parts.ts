/** The times of a job as parts of one bar, which share one scale. */
import type { JobBody } from '@prosemill/contract';

export interface TimingPart {
  readonly kind: 'queue' | 'first-token' | 'writing';
  readonly name: string;
  readonly ms: number;
}

/** Parts that were not measured are left out. Writing begins with the first token. */
export function timingParts(timings: JobBody['timings']): readonly TimingPart[] {
  const { queue_ms, time_to_first_token_ms, generation_ms } = timings;
  const writing = generation_ms === null ? null : Math.max(0, generation_ms - (time_to_first_token_ms ?? 0));
  const parts = [
    { kind: 'queue', name: 'in the queue', ms: queue_ms },
    { kind: 'first-token', name: 'to the first token', ms: time_to_first_token_ms },
    { kind: 'writing', name: 'writing', ms: writing },
  ] as const;
  return parts.flatMap(({ kind, name, ms }) => (ms === null ? [] : [{ kind, name, ms }]));
}
