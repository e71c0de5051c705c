/** Checks a history against the promises of the service. */
import type { History } from './history.ts';
import { indexHistory, type IndexedHistory } from './index-history.ts';
import { checkEnds } from './invariants/accepted-jobs-end.ts';
import { checkBatches } from './invariants/batches-are-whole.ts';
import { checkGauges } from './invariants/gauges-bounded.ts';
import { checkOverlaps } from './invariants/no-overlap.ts';
import { checkKeys } from './invariants/one-id-per-key.ts';
import { checkSuccesses } from './invariants/one-success.ts';
import { checkOwners } from './invariants/owners-apart.ts';
import { checkReads } from './invariants/reads-go-forward.ts';
import { checkStreams } from './invariants/streams-are-texts.ts';
import { checkThroughput } from './invariants/throughput-returns.ts';

/** Each finds the breaches of one promise, as sentences that name the jobs. */
export const invariants = {
  /** Every accepted submit is terminal by the deadline. */
  I1: checkEnds,
  /** One idempotency key, one id. */
  I2: checkKeys,
  /** Reads of one id walk the state graph forward, and see at most one terminal result. */
  I3: checkReads,
  /** Exactly one success write; attempts and crashes within limits. */
  I4: checkSuccesses,
  /** Two executions of one id overlap only if the earlier lease had run out. */
  I5: checkOverlaps,
  /** Depth, waiters and memory bounded. */
  I6: checkGauges,
  /** No key reads another owner's job. */
  I7: checkOwners,
  /** After healing, throughput is at least 90 % of before. */
  I8: checkThroughput,
  /** The text of a stream is the text of its job. */
  I9: checkStreams,
  /** All jobs of a batch or none; one key, one batch; a canceled batch begins nothing more. */
  I10: checkBatches,
} satisfies Record<string, (history: IndexedHistory) => readonly string[]>;

export interface Violation {
  readonly invariant: keyof typeof invariants;
  readonly message: string;
}

/**
 * @returns the breaches; empty for a history that keeps all promises
 * @throws for a history without limits or tables, which proves nothing
 */
export function checkHistory(history: History): readonly Violation[] {
  const indexed = indexHistory(history);
  const entries = Object.entries(invariants) as [
    Violation['invariant'],
    (history: IndexedHistory) => readonly string[],
  ][];
  return entries.flatMap(([invariant, check]) => check(indexed).map((message) => ({ invariant, message })));
}
