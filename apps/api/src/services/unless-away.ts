/** Answers of the database that something can do without. */
import { answerWithin, isRetryable } from '@prosemill/core';

/**
 * @returns null when the answer is late or the database is not available
 * @throws other errors
 */
export async function unlessAway<Answer>(limitMs: number, answer: Promise<Answer>): Promise<Answer | null> {
  try {
    return await answerWithin(limitMs, answer);
  } catch (error) {
    if (!isRetryable(error)) throw error;
    return null;
  }
}
