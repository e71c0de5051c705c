/** For whoever would rather go on without an answer than wait for it. */

/**
 * @param answer  Nobody hears of its ending when it comes too late, well or not.
 * @returns null when there is none after `limitMs`
 * @throws what `answer` rejects with in time
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
