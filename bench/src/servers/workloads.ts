/** The work of the servers. */
import { mixedWork, type PromptMaker, type Workload } from '../scenarios.ts';
import { evenSlice, type Work } from '../work.ts';

/** Work for all servers, and the part for a slow one. */
export interface ServedWorkload extends Workload {
  readonly slowWork: readonly Work[];
}

export const servedWorkloads = { single: 'single stream', queue: 'full mixed queue, 32 in flight' } as const;

/** The longest prompt of Prosemill has 500 characters. @see README.md */
const lengths = { promptTokens: [8, 98], textTokens: [16, 179] } as const;

/** @param share  The part of the work that is done, 0 to 1; less of it shows only that all works. */
export function createServedWorkloads(
  promptOf: PromptMaker,
): Readonly<Record<keyof typeof servedWorkloads, ServedWorkload>> {
  const single = Array.from({ length: 8 }, () => ({ ...promptOf(32), newTokens: 64 }));
  // Three times the texts in flight, so that static batches are full too.
  const mixed = mixedWork(96, promptOf, lengths);
  const counts = 'new tokens';
  return {
    single: { name: servedWorkloads.single, inFlight: 1, work: single, slowWork: single.slice(0, 3), counts },
    queue: { name: servedWorkloads.queue, inFlight: 32, work: mixed, slowWork: evenSlice(mixed, 12), counts },
  };
}
