/** I5: two executions of one id overlap only if the earlier lease had run out. */
import type { RunLimits } from '../history.ts';
import type { Execution, IndexedHistory, JobFacts } from '../index-history.ts';

export function checkOverlaps({ jobs, limits }: IndexedHistory): readonly string[] {
  return [...jobs.values()].flatMap((facts) => {
    const leaseEnds = leaseEndsOf(facts, limits);
    return checkRescues(facts, leaseEnds).concat(checkExecutions(facts, leaseEnds, limits.clockToleranceMs));
  });
}

/** The end of the lease, by attempt. */
type LeaseEnds = ReadonlyMap<number, number>;

/** Sampled ends. Without a sample: the end of the lease that the claim gave, because renewals only make it later. */
function leaseEndsOf({ events, leases }: JobFacts, limits: RunLimits): LeaseEnds {
  const ends = new Map<number, number>();
  for (const { attempt, untilMs } of leases) ends.set(attempt, Math.max(untilMs, ends.get(attempt) ?? 0));
  for (const { event, eventAtMs, attempt } of events) {
    // The event is written shortly after the lease.
    const end = eventAtMs + limits.leaseMs - limits.clockToleranceMs;
    if (event === 'job-claimed' && !ends.has(attempt)) ends.set(attempt, end);
  }
  return ends;
}

/** Compares two times of the database's clock. */
function checkRescues({ row, events }: JobFacts, leaseEnds: LeaseEnds): readonly string[] {
  return events.flatMap(({ event, actor, attempt, eventAtMs }) => {
    const leaseEndMs = leaseEnds.get(attempt);
    if (actor !== 'reconciler' || event === 'job-expired' || leaseEndMs === undefined) return [];
    return eventAtMs < leaseEndMs
      ? [
          `job ${row.id} was taken from attempt ${attempt} (${event}) ${leaseEndMs - eventAtMs} ms before its lease ran out`,
        ]
      : [];
  });
}

function checkExecutions(facts: JobFacts, leaseEnds: LeaseEnds, clockToleranceMs: number): readonly string[] {
  const executions = facts.executions.toSorted((a, b) => a.attempt - b.attempt || a.startedAtMs - b.startedAtMs);
  return executions.flatMap((earlier, index) =>
    executions.slice(index + 1).flatMap((later) => {
      const leaseEndMs = leaseEnds.get(earlier.attempt) ?? Infinity;
      const freeAtMs = Math.min(leaseEndMs, endOf(earlier, facts)) - clockToleranceMs;
      if (later.startedAtMs >= freeAtMs) return [];
      const names = [earlier, later].map(({ attempt, workerId }) => `attempt ${attempt} of ${workerId}`);
      return [`job ${facts.row.id} ran twice at once: ${names.join(' and ')}, and the first had its lease`];
    }),
  );
}

/** An attempt ends when its worker writes the outcome, which is before the line in its log. */
function endOf({ attempt, endedAtMs }: Execution, { events }: JobFacts): number {
  const written = events.find(
    ({ event, actor, attempt: of }) => actor === 'worker' && of === attempt && event !== 'job-claimed',
  );
  return Math.min(endedAtMs, written?.eventAtMs ?? Infinity);
}
