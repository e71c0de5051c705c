import { AppError } from '@prosemill/core';

/**
 * The last check before the graph. An id that is not in its table of tokens would end the step, and with it every other text of the batch; of a
 * prompt without ids the step would read the place before its own, which is another text's.
 * @throws {AppError} `invalid_request`: another attempt has the same ids
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
