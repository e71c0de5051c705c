/** Retries with backoff, for a database or a Redis that is not there yet, or not any more. */
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, reconnectBackoff } from '../backoff.ts';
import { errorLine, isRetryable } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';

export interface RetryOptions {
  /** The name of the awaited service in the log, such as "database". */
  readonly name: string;
  readonly logger: Logger;
  /**
   * Ends the retries and the try under way; the promise rejects with the signal's reason. The signal may live as long
   * as the process: no listener stays behind, as one would with `AbortSignal.any`.
   */
  readonly signal: AbortSignal;
  /** Time limit for all tries together. Default: none. */
  readonly limitMs?: number;
}

/**
 * Repeats `attempt` until it succeeds, with backoff and one log line a try.
 * @throws an error of `attempt` that is not retryable; an Error when `limitMs` are over
 */
export async function retryUntilAvailable<Result>(
  attempt: () => Promise<Result>,
  { name, logger, signal, limitMs }: RetryOptions,
): Promise<Result> {
  const ended = new AbortController();
  const whenEnded = Promise.withResolvers<never>();
  whenEnded.promise.catch(() => undefined);
  const end = (reason: unknown): void => {
    whenEnded.reject(reason);
    ended.abort(reason);
  };
  const onAbort = (): void => end(signal.reason);
  signal.addEventListener('abort', onAbort);
  const limit = limitMs === undefined ? undefined : setTimeout(() => end(overtime(name, limitMs)), limitMs);
  try {
    signal.throwIfAborted();
    for (let tries = 1; ; tries += 1) {
      try {
        return await Promise.race([attempt(), whenEnded.promise]);
      } catch (error) {
        if (!isRetryable(error)) throw error;
        const waitMs = backoffMs(tries, reconnectBackoff);
        logger.warn({ attempt: tries, retryInMs: waitMs, reason: errorLine(error) }, `${name} is not available yet`);
        await Promise.race([delay(waitMs, undefined, { signal: ended.signal }), whenEnded.promise]);
      }
    }
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', onAbort);
  }
}

const overtime = (name: string, limitMs: number): Error =>
  new Error(`The ${name} was not available within ${limitMs / 1_000} s.`);
