/** Checks a prompt before its job is stored: the token budget, then forbidden words. The contract checks lengths. */
import { AppError, createPromptPolicy, resolveMaxNewTokens, type TextRequest } from '@prosemill/core';
import type { ReadServedModel, ServedModel } from './served-model.ts';

export interface PromptCheckOptions {
  readonly servedModel: ReadServedModel;
  readonly forbiddenWords: readonly string[];
}

/** The tokens of the prompt, alone and with the most new ones; null while no model is known. */
export interface CheckedPrompt {
  readonly promptTokens: number | null;
  readonly tokenBudget: number | null;
}

/** @throws {AppError} `context_length_exceeded`, `prompt_refused` */
export type PromptCheck = (request: TextRequest) => Promise<CheckedPrompt>;

/** While no model is known, only the worker checks the token budget. */
export function createPromptCheck({ servedModel, forbiddenWords }: PromptCheckOptions): PromptCheck {
  const isRefused = createPromptPolicy(forbiddenWords);

  return async function checkPrompt(request) {
    const model = await servedModel();
    const counted = model === null ? { promptTokens: null, tokenBudget: null } : countTokens(request, model);
    if (isRefused(request.prompt)) {
      throw new AppError('prompt_refused', { message: 'Prompt contains inappropriate content' });
    }
    return counted;
  };
}

function countTokens({ prompt, parameters }: TextRequest, { tokenizer, contextLength }: ServedModel): CheckedPrompt {
  const promptTokens = tokenizer.encode(prompt).length;
  return {
    promptTokens,
    tokenBudget: promptTokens + resolveMaxNewTokens({ promptTokens, contextLength, parameters }),
  };
}
