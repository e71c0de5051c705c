/** The model of the workers, as far as the API knows it: its tokenizer and its context. */
import { coalesced, type ModelIdentity, type ModelStore } from '@prosemill/core';
import { createTokenizer, type Tokenizer } from '@prosemill/tokenizer';

export interface ServedModelOptions {
  readonly models: ModelStore;
  /** The model of the workers; null until one is ready. */
  readonly currentModel: () => Promise<ModelIdentity | null>;
}

export interface ServedModel {
  readonly identity: ModelIdentity;
  readonly tokenizer: Tokenizer;
  /** Positions: prompt and completion together. */
  readonly contextLength: number;
}

/** Reads a model once, and keeps the last one. Null until a worker is ready. */
export type ReadServedModel = () => Promise<ServedModel | null>;

/**
 * Requests at the same time share one read: nothing else runs for the 10 ms and more in which a tokenizer is made, and
 * after a start hundreds of requests may come before the first one has it.
 */
export function createServedModel({ models, currentModel }: ServedModelOptions): ReadServedModel {
  let known: ServedModel | null = null;
  return coalesced(0, async () => {
    const identity = await currentModel();
    if (identity === null) return null;
    const { name, revision } = identity;
    if (known?.identity.name === name && known.identity.revision === revision) {
      known = { ...known, identity };
      return known;
    }
    const record = await models.find(name, revision);
    if (record === null) return null;
    known = { identity, tokenizer: createTokenizer(record.tokenizer), contextLength: record.contextLength };
    return known;
  });
}
