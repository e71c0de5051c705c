/** I4: exactly one success write; attempts and crashes within limits; every count is the count of its events. */
import { type JobEventType, maxCrashes } from '@prosemill/core';
import type { IndexedHistory, JobFacts } from '../index-history.ts';

export function checkSuccesses({ jobs, executions }: IndexedHistory): readonly string[] {
  const strangers = executions
    .filter(({ jobId }) => !jobs.has(jobId))
    .map(({ jobId, workerId }) => `job ${jobId} was executed by ${workerId} and is not in the database`);
  const all = [...jobs.values()];
  return [...strangers, ...all.flatMap(checkWrites), ...all.flatMap(checkStarts), ...all.flatMap(checkCounts)];
}

function checkWrites({ row, events, recordHashes, executions }: JobFacts): readonly string[] {
  const found: string[] = [];
  const successes = events.filter(({ event }) => event === 'job-succeeded');
  const expected = row.status === 'succeeded' ? 1 : 0;
  if (successes.length !== expected || recordHashes.length !== expected) {
    const written = `${successes.length} success events and ${recordHashes.length} records`;
    found.push(`job ${row.id} is ${row.status} with ${written}`);
  }
  const writers = executions.filter(({ outcome }) => outcome === 'succeeded');
  if (writers.length > 1) {
    const names = writers.map(({ attempt, workerId }) => `attempt ${attempt} of ${workerId}`);
    found.push(`job ${row.id} was written as succeeded ${writers.length} times: ${names.join(', ')}`);
  }
  for (const { attempt, workerId } of writers) {
    const written = successes[0]?.attempt;
    if (written === attempt) continue;
    found.push(
      `job ${row.id} succeeded by attempt ${attempt} of ${workerId}, but is kept as attempt ${written ?? 'none'}`,
    );
  }
  return found;
}

function checkStarts({ row, executions }: JobFacts): readonly string[] {
  const attempts = executions.map(({ attempt }) => attempt);
  const repeated = new Set(attempts.filter((attempt, index) => attempts.indexOf(attempt) !== index));
  const beyond = attempts.filter((attempt) => attempt > row.attempt);
  return [
    ...[...repeated].map((attempt) => `job ${row.id} was started more than once in attempt ${attempt}`),
    ...beyond.map((attempt) => `job ${row.id} was started in attempt ${attempt}, but has only ${row.attempt}`),
  ];
}

function checkCounts({ row, events }: JobFacts): readonly string[] {
  const { id, attempt, releasedCount, crashCount, maxAttempts, dispatchEpoch } = row;
  const count = (...types: readonly JobEventType[]) => events.filter(({ event }) => types.includes(event)).length;
  // A rescue that does not lead back to the queue is a crash, too. One of an attempt that waited is a release.
  const isRescue = ({ event, actor }: (typeof events)[number]): boolean =>
    actor === 'reconciler' && event !== 'job-expired' && event !== 'job-released';
  const rescues = events.filter(isRescue).length;
  // A crash or release by the attempt's own worker that ends the job is recorded as that end only.
  const last = events.at(-1);
  const unnamed = last?.actor === 'worker' && (last.event === 'job-failed' || last.event === 'job-canceled') ? 1 : 0;
  const counts = [
    ['attempt', attempt, count('job-claimed'), 0],
    ['released_count', releasedCount, count('job-released'), unnamed],
    ['crash_count', crashCount, rescues + count('job-crashed'), unnamed],
    ['dispatch_epoch', dispatchEpoch, count('job-retried', 'job-released', 'job-rescued', 'job-crashed'), 0],
  ] as const;
  const found: string[] = counts
    .filter(([, stored, counted, more]) => stored < counted || stored > counted + more)
    .map(([name, stored, counted]) => `job ${id} has ${name} ${stored}, but its events make it ${counted}`);
  if (crashCount > maxCrashes) found.push(`job ${id} crashed ${crashCount} times, more than ${maxCrashes}`);
  if (attempt - releasedCount > maxAttempts) {
    found.push(`job ${id} had ${attempt - releasedCount} attempts, more than ${maxAttempts}`);
  }
  return found;
}
