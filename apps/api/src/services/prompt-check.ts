/** Checks a prompt before its job is stored: the token budget, then forbidden words. The contract checks lengths. */
import { AppError, createPromptPolicy, resolveMaxNewTokens, type TextRequest } from '@prosemill/core';
import { countTokens } from './count-tokens.ts';
import type { ReadServedModel, ServedModel } from './served-model.ts';

export interface PromptCheckOptions {
  readonly servedModel: ReadServedModel;
  readonly forbiddenWords: readonly string[];
}

/** The tokens of the prompt, alone and with the most new ones; null while the model of the job is not known. */
export interface CheckedPrompt {
  readonly promptTokens: number | null;
  readonly tokenBudget: number | null;
}

/**
 * `requiredFingerprint`: the model that the job must run on; null: any.
 * @throws {AppError} `context_length_exceeded`, `prompt_refused`; `engine_unavailable` for a long prompt while no model
 *   is known
 */
export type PromptCheck = (request: TextRequest, requiredFingerprint: string | null) => Promise<CheckedPrompt>;

/** UTF-16 units: more than most models have room for. The check for forbidden words is slow in longer prompts. */
const maxUnreadLength = 64 * 1024;

const notCounted: CheckedPrompt = { promptTokens: null, tokenBudget: null };

/** While no model is known, and for a job that another model must run, only the worker checks the token budget. */
export function createPromptCheck({ servedModel, forbiddenWords }: PromptCheckOptions): PromptCheck {
  const isRefused = createPromptPolicy(forbiddenWords);

  return async function checkPrompt(request, requiredFingerprint) {
    const model = await servedModel();
    if (model === null && request.prompt.length > maxUnreadLength) throw tooLongUnread();
    const isOfJob = model !== null && [null, model.identity.fingerprint].includes(requiredFingerprint);
    const counted = isOfJob ? measure(request, model) : notCounted;
    if (isRefused(request.prompt)) {
      throw new AppError('prompt_refused', { message: 'Prompt contains inappropriate content' });
    }
    return counted;
  };
}

function measure({ prompt, parameters }: TextRequest, { tokenizer, contextLength }: ServedModel): CheckedPrompt {
  const { tokens: promptTokens, isWhole } = countTokens(prompt, tokenizer, contextLength);
  return {
    promptTokens,
    tokenBudget:
      promptTokens + resolveMaxNewTokens({ promptTokens, isWholePrompt: isWhole, contextLength, parameters }),
  };
}

const tooLongUnread = (): AppError =>
  new AppError('engine_unavailable', {
    message: `No worker has loaded a model yet, so no prompt of more than ${maxUnreadLength} characters is accepted.`,
  });
