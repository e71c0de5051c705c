/** For stopping: what needs a server that may be away is waited for, but not for long. */
import { answerWithin } from './answer-within.ts';

/** Resolves when `closing` has ended, well or not, and in `limitMs` at the latest. */
export async function settleWithin(limitMs: number, closing: Promise<unknown>): Promise<void> {
  await answerWithin(
    limitMs,
    closing.catch(() => undefined),
  );
}
