/** Refuses a job whose deadline or start timeout cannot be met, before anything is stored. */
import { AppError, boundedWaitMs, type JobTerms, type TimeEstimate } from '@prosemill/core';

/**
 * @param estimate  Null when it is not known: then nothing is refused.
 * @throws {AppError} `deadline_unmeetable`
 */
export function requireInTime(
  { deadlineMs, startTimeoutMs }: Pick<JobTerms, 'deadlineMs' | 'startTimeoutMs'>,
  estimate: TimeEstimate | null,
): void {
  if (estimate === null) return;
  const { startInMs, finishInMs } = estimate;
  const startsLateMs = startInMs - (startTimeoutMs ?? Number.POSITIVE_INFINITY);
  const endsLateMs = finishInMs - (deadlineMs ?? Number.POSITIVE_INFINITY);
  const lateMs = Math.max(startsLateMs, endsLateMs);
  if (lateMs <= 0) return;
  const [name, limitMs, event, inMs] =
    startsLateMs > 0
      ? ['start_timeout_ms', startTimeoutMs, 'start', startInMs]
      : ['deadline_ms', deadlineMs, 'finish', finishInMs];
  throw new AppError('deadline_unmeetable', {
    message: `The job would ${event} in about ${Math.ceil(inMs / 1_000)} s, and ${name} allows ${limitMs} ms. Allow more time, or try again when fewer jobs wait.`,
    details: { retryAfterMs: boundedWaitMs(lateMs) },
  });
}
