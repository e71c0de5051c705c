/** The limit of a text: Hugging Face's max_length and max_new_tokens, resolved for one prompt. */
import { AppError } from './errors.ts';
import type { SamplingParameters } from './text-request.ts';

export interface TokenLimitOptions {
  /** Tokens of the prompt, the beginning of text included. */
  readonly promptTokens: number;
  /** False when the prompt has more tokens than these; default true. */
  readonly isWholePrompt?: boolean;
  /** Positions of the model. */
  readonly contextLength: number;
  readonly parameters: Pick<SamplingParameters, 'maxLength' | 'maxNewTokens'>;
}

/**
 * The number of new tokens that a request may produce. `maxNewTokens` wins; otherwise `maxLength` counts prompt and
 * new tokens together; with neither there are max(50 - prompt tokens, 20) new ones. Never beyond the model's context.
 * @throws {AppError} `context_length_exceeded` with both numbers when `maxNewTokens`, or else a single new token, does
 * not fit; `invalid_request` without a prompt token, because a model predicts from the last one
 */
export function resolveMaxNewTokens(options: TokenLimitOptions): number {
  const { promptTokens, isWholePrompt = true, contextLength, parameters } = options;
  if (promptTokens < 1) throw new AppError('invalid_request', { message: 'The prompt has no tokens.' });
  const { maxLength, maxNewTokens } = parameters;
  const total = maxNewTokens === null ? (maxLength ?? Math.max(50, promptTokens + 20)) : promptTokens + maxNewTokens;
  const limit = Math.min(total, contextLength);
  // The context shortens max_length, but never max_new_tokens.
  const needed = maxNewTokens === null ? promptTokens + 1 : total;
  if (needed <= limit) return limit - promptTokens;
  const name = limit === total ? 'max_length' : 'the context of the model';
  const counted = isWholePrompt ? promptTokens : `more than ${promptTokens}`;
  throw new AppError('context_length_exceeded', {
    message: `The prompt has ${counted} tokens and at least ${needed} in all are needed, but ${name} allows ${limit}.`,
    details: { prompt_tokens: promptTokens, limit, neededTokens: needed, isWholePrompt },
  });
}
