/** The port of the database for the models that workers serve. */

/** The facts about a model that the API needs to check a request. */
export interface ModelRecord {
  readonly name: string;
  readonly revision: string;
  /** Positions: prompt and completion together. */
  readonly contextLength: number;
  /** JSON that packages/tokenizer reads: the files of the tokenizer and the size of the model's vocabulary. */
  readonly tokenizer: string;
}

export interface ModelStore {
  /** Inserts or replaces by (name, revision). */
  save(model: ModelRecord): Promise<void>;
  find(name: string, revision: string): Promise<ModelRecord | null>;
}
