/** Start-up against a database or a Redis that may not be there yet. */
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, reconnectBackoff } from './backoff.ts';
import { AppError, errorLine } from './errors.ts';
import type { Logger } from './ports/logger.ts';

export interface RetryOptions {
  /** What is waited for, for the log: "database". */
  readonly name: string;
  readonly logger: Logger;
  /** Ends the waiting, for a try under way too; the promise rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/**
 * Repeats `attempt` until it succeeds, with backoff and one log line a try.
 * @throws whatever `attempt` throws that is not an `AppError` of kind `unavailable`
 */
export async function retryUntilAvailable<Result>(
  attempt: () => Promise<Result>,
  { name, logger, signal }: RetryOptions,
): Promise<Result> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  aborted.promise.catch(() => undefined);
  signal.addEventListener('abort', onAbort);
  try {
    for (let tries = 1; ; tries += 1) {
      signal.throwIfAborted();
      try {
        return await Promise.race([attempt(), aborted.promise]);
      } catch (error) {
        if (!(error instanceof AppError) || error.kind !== 'unavailable') throw error;
        const waitMs = backoffMs(tries, reconnectBackoff);
        logger.warn({ attempt: tries, retryInMs: waitMs, reason: errorLine(error) }, `${name} is not available yet`);
        await Promise.race([delay(waitMs, undefined, { signal }), aborted.promise]);
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
