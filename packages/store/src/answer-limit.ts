/** A time limit for the statements of one operation. */
import { AsyncLocalStorage } from 'node:async_hooks';

const limits = new AsyncLocalStorage<number>();

/**
 * Runs an operation. Each of its statements fails when Postgres has not answered after `limitMs`, or after the pool's
 * limit if that is less, and its connection is closed.
 */
export const withAnswerLimit = async <Result>(limitMs: number, operation: () => Promise<Result>): Promise<Result> =>
  await limits.run(limitMs, operation);

/** The limit of the current operation; infinite without one. */
export const answerLimitMs = (): number => limits.getStore() ?? Number.POSITIVE_INFINITY;
