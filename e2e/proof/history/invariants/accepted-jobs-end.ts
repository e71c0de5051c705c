/** I1: every accepted submit is terminal by the deadline. A committed job without an answer counts as accepted. */
import { isTerminal } from '@prosemill/core';
import type { RunLimits } from '../history.ts';
import type { IndexedHistory, JobFacts } from '../index-history.ts';

export function checkEnds({ calls, jobs, limits }: IndexedHistory): readonly string[] {
  const lost = calls.flatMap(({ id, client, operation, ending }) => {
    if (operation.kind !== 'submit' || ending.type !== 'ok') return [];
    if (ending.job === null) return [`call ${id} of ${client} was accepted without a job`];
    return jobs.has(ending.job.id)
      ? []
      : [`job ${ending.job.id} was accepted (call ${id} of ${client}) and is not in the database`];
  });
  return [...lost, ...[...jobs.values()].flatMap((facts) => checkEnd(facts, limits))];
}

function checkEnd({ row }: JobFacts, { finishWithinMs, mayFail }: RunLimits): readonly string[] {
  const { id, status, attempt, createdAtMs, finishedAtMs } = row;
  if (!isTerminal(status) || finishedAtMs === null) return [`job ${id} is still ${status} (attempt ${attempt})`];
  if (status === 'failed' && !mayFail)
    return [`job ${id} failed (attempt ${attempt}), and nothing in this run may make it`];
  const tookMs = finishedAtMs - createdAtMs;
  return finishWithinMs !== null && tookMs > finishWithinMs
    ? [`job ${id} took ${tookMs} ms until ${status}, more than ${finishWithinMs} ms`]
    : [];
}
