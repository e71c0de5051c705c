/** I6: depth, waiters and memory are bounded, and nobody waits for a job that has ended. */
import type { Call, IndexedHistory } from '../index-history.ts';

export function checkGauges(history: IndexedHistory): readonly string[] {
  return [...checkSamples(history), ...history.calls.flatMap((call) => checkWait(call, history))];
}

function checkSamples({ gauges, limits }: IndexedHistory): readonly string[] {
  return Object.entries(limits.gauges).flatMap(([name, { max, final }]) => {
    const values = gauges.filter((sample) => sample.name === name).map(({ value }) => value);
    const last = values.at(-1);
    if (last === undefined) return [`${name} has a limit and was never sampled`];
    const highest = values.reduce((a, b) => Math.max(a, b));
    const found: string[] = [];
    if (highest > max) found.push(`${name} rose to ${highest}, more than ${max}`);
    if (final !== undefined && last > final) found.push(`${name} is ${last} at the end, more than ${final}`);
    return found;
  });
}

function checkWait({ id, operation, ending, endedAtMs }: Call, { jobs, limits }: IndexedHistory): readonly string[] {
  const { answerWithinMs } = limits;
  if (answerWithinMs === null || operation.kind !== 'submit' || operation.waitMs === 0) return [];
  if (ending.type !== 'ok' || ending.job === null) return [];
  const finishedAtMs = jobs.get(ending.job.id)?.row.finishedAtMs ?? null;
  if (finishedAtMs === null || endedAtMs - finishedAtMs <= answerWithinMs) return [];
  const lateMs = Math.round(endedAtMs - finishedAtMs);
  return [`job ${ending.job.id} had ended ${lateMs} ms before call ${id}, which waited for it, was answered`];
}
