import { AppError } from '@prosemill/core';

/**
 * The last check before the decoder. An id outside the token table would fail the step, and so every other text of the
 * batch. For a prompt without ids, the step would read the position before the prompt, which belongs to another text.
 * @throws {AppError} `invalid_request`, because another attempt would have the same ids
 */
export function requirePromptIds(ids: readonly number[], vocabulary: number): void {
  if (ids.length === 0) throw new AppError('invalid_request', { message: 'The prompt has no tokens.' });
  for (const id of ids) {
    if (Number.isInteger(id) && id >= 0 && id < vocabulary) continue;
    throw new AppError('invalid_request', {
      message: `The prompt has the token ${id}, but the model has tokens 0 to ${vocabulary - 1} only.`,
    });
  }
}
