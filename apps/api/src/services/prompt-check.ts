/** Checks a prompt before its job is stored: the token budget, then forbidden words. The contract checks lengths. */
import {
  AppError,
  createPromptPolicy,
  type ModelIdentity,
  type ModelStore,
  resolveMaxNewTokens,
  type TextRequest,
} from '@prosemill/core';
import { createTokenizer, type Tokenizer } from '@prosemill/tokenizer';

export interface PromptCheckOptions {
  readonly models: ModelStore;
  readonly forbiddenWords: readonly string[];
  /** The model of the workers; null until one is ready. */
  readonly currentModel: () => Promise<ModelIdentity | null>;
}

/** The tokens of the prompt and the most new ones; null while no model is known. */
export interface CheckedPrompt {
  readonly tokenBudget: number | null;
}

/** @throws {AppError} `context_length_exceeded`, `prompt_refused` */
export type PromptCheck = (request: TextRequest) => Promise<CheckedPrompt>;

interface KnownModel {
  readonly key: string;
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
}

/** While no model is known, only the worker checks the token budget. */
export function createPromptCheck({ models, forbiddenWords, currentModel }: PromptCheckOptions): PromptCheck {
  const isRefused = createPromptPolicy(forbiddenWords);
  let known: KnownModel | null = null;

  async function loadModel() {
    const identity = await currentModel();
    if (identity === null) return null;
    const key = `${identity.name}@${identity.revision}`;
    if (known?.key === key) return known;
    const record = await models.find(identity.name, identity.revision);
    if (record === null) return null;
    known = { key, tokenizer: createTokenizer(record.tokenizer), contextLength: record.contextLength };
    return known;
  }

  return async function checkPrompt({ prompt, parameters }) {
    const model = await loadModel();
    const tokenBudget = model === null ? null : budgetOf(model);
    if (isRefused(prompt)) {
      throw new AppError('prompt_refused', { message: 'Prompt contains inappropriate content' });
    }
    return { tokenBudget };

    function budgetOf({ tokenizer, contextLength }: KnownModel): number {
      const promptTokens = tokenizer.encode(prompt).length;
      return promptTokens + resolveMaxNewTokens({ promptTokens, contextLength, parameters });
    }
  };
}
