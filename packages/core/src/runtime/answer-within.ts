/** Time limits for promises. */

/**
 * @param answer  A result or a rejection after the limit is ignored.
 * @returns null when there is no answer after `limitMs`
 * @throws the error with which `answer` rejects in time
 */
export async function answerWithin<Answer>(limitMs: number, answer: Promise<Answer>): Promise<Answer | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(resolve, limitMs, null);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when `closing` has ended, well or not, and after `limitMs` at the latest. */
export async function settleWithin(limitMs: number, closing: Promise<unknown>): Promise<void> {
  const closed = closing.catch(() => undefined);
  await answerWithin(limitMs, closed);
}
