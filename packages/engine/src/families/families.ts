/** The model families of the engine `batched`. Another family is one more entry, and a folder beside this file. */
import type { DecoderShape } from '../decoder/decoder-shape.ts';
import type { DecoderWeights } from '../decoder/decoder-weights.ts';
import type { OnShare } from '../load-progress.ts';
import type { JsonFile, JsonObject } from '../models/model-json.ts';
import { gpt2 } from './gpt2/gpt2.ts';

export interface WeightFiles {
  readonly folder: string;
  /** Paths relative to the folder. */
  readonly weights: readonly string[];
  /** The content of config.json, which the weights must fit. */
  readonly config: JsonObject;
}

/** Its functions throw `engine_unavailable` with the reason when a model's files are wrong. */
export interface ModelFamily {
  /** The `model_type` in config.json. */
  readonly name: string;
  /** Whether a config.json is one of this family. */
  readonly has: (config: JsonObject) => boolean;
  /**
   * Reads the sizes and choices of a model: everything in config.json that its weights or a step depend on, because the
   * model's checksum covers no more of that file.
   */
  readonly readShape: (config: JsonFile) => DecoderShape;
  /** Returns the reason why `batched` cannot compute a model of this family, or null if it can. */
  readonly findUnsupported: (config: JsonFile) => string | null;
  /** The `eos_token_id` in config.json, or the family's default. */
  readonly endOfText: (config: JsonObject) => unknown;
  readonly readWeights: (files: WeightFiles, onShare?: OnShare) => Promise<DecoderWeights>;
}

const modelFamilies: readonly ModelFamily[] = [gpt2];

export const familyNames: readonly string[] = modelFamilies.map(({ name }) => name);

/** @returns null if config.json is of another family */
export const familyOf = (config: JsonObject): ModelFamily | null =>
  modelFamilies.find(({ has }) => has(config)) ?? null;

/** @throws {AppError} `engine_unavailable` when the files do not hold the weights that config.json describes */
export async function readWeights(files: WeightFiles, onShare?: OnShare): Promise<DecoderWeights> {
  const family = familyOf(files.config);
  if (family === null) throw new TypeError('batched was chosen for a model that it does not run');
  return await family.readWeights(files, onShare);
}
