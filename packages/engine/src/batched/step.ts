/** The input and output of one run of the graph. The letters are those of gpt2-graph.ts. */
import { Tensor } from 'onnxruntime-node';
import { inputNames, maskName, pastNames, promptPastNames } from './graph-names.ts';
import type { Gpt2Shape } from './gpt2-config.ts';
import { laneSizes } from './lane-sizes.ts';

/** The keys and values of one layer, either past or new. */
export type KeysValues = readonly [keys: Float32Array, values: Float32Array];

export interface StepInput {
  /** Shape [N]: the R running rows, ordered by lane, then the C·S positions of prompts. */
  readonly ids: Int32Array;
  /** Shape [N]. */
  readonly positions: Int32Array;
  /** Shape [L]: indices of the positions whose next token is wanted. */
  readonly wanted: Int32Array;
  /** One entry for each lane size. */
  readonly lanes: readonly LaneInput[];
  readonly prompts: PromptInput;
  /** Whether the output has the logits of the whole vocabulary, which costs a copy of L·V numbers. */
  readonly withLogits: boolean;
}

/** The running rows of one lane, with one new position each. */
export interface LaneInput {
  /** b. */
  readonly rows: number;
  /** T. */
  readonly pastLength: number;
  /** Shape [b, 1, 1, 1+T]: 0 for a visible position, −∞ for a hidden one. The new position comes first. */
  readonly mask: Float32Array;
  /** The past of each layer, shape [b, H, T, D]. */
  readonly past: (layer: number) => KeysValues;
}

/** Prompts that begin, or the next chunk of one prompt. */
export interface PromptInput {
  /** C. */
  readonly count: number;
  /** S, padding included. */
  readonly length: number;
  /** T'. */
  readonly pastLength: number;
  /** Shape [1, 1, S, S+T']. The new positions come first. */
  readonly mask: Float32Array;
  /** The past of each layer, shape [C, H, T', D]. */
  readonly past: (layer: number) => KeysValues;
}

export interface StepOutput {
  /** The new keys and values of each layer's running rows, shape [R, H, 1, D]. */
  readonly newRows: readonly KeysValues[];
  /** The new keys and values of each layer's prompts, shape [C, H, S, D]. */
  readonly newPrompts: readonly KeysValues[];
  /** Shape [L, topCount], largest first; among equal values the lower id comes first. */
  readonly topValues: Float32Array;
  readonly topIds: Int32Array;
  /** `topCandidates`, or the vocabulary if that is smaller. */
  readonly topCount: number;
  /** Shape [L, V]; null unless the input has `withLogits`. */
  readonly logits: Float32Array | null;
}

/** Frees the megabytes of a step's new keys and values at once, so that the garbage collector runs a tenth as often. */
export function release({ newRows, newPrompts }: StepOutput): void {
  for (const { buffer } of [...newRows, ...newPrompts].flat()) (buffer as ArrayBuffer).transfer(0);
}

const none = new Float32Array();
export const noPast = (): KeysValues => [none, none];
export const noLane: LaneInput = { rows: 0, pastLength: 0, mask: none, past: noPast };
export const noPrompts: PromptInput = { count: 0, length: 0, pastLength: 0, mask: none, past: noPast };

/** A step over one whole text that gives the next token's logits at every position. */
export function firstStep(ids: readonly number[], shape: Gpt2Shape): StepInput {
  const all = Int32Array.from(ids, (_, index) => index);
  return {
    ids: Int32Array.from(ids),
    positions: all,
    wanted: all,
    lanes: laneSizes(shape.positions).map(() => noLane),
    prompts: { count: 1, length: ids.length, pastLength: 0, mask: promptMask(ids.length, 0, 0), past: noPast },
    withLogits: true,
  };
}

/**
 * The mask of a prompt's chunk, shape [1, 1, S, S+T']: each position sees the new positions up to itself and the first
 * `done` positions of the past.
 * @param length      S.
 * @param pastLength  T'.
 */
export function promptMask(length: number, pastLength: number, done: number): Float32Array {
  const mask = new Float32Array(length * (length + pastLength));
  for (let step = 0; step < length; step += 1) {
    const from = step * (length + pastLength);
    mask.fill(Number.NEGATIVE_INFINITY, from + step + 1, from + length);
    mask.fill(Number.NEGATIVE_INFINITY, from + length + done, from + length + pastLength);
  }
  return mask;
}

/** Turns steps into the graph's inputs, which are views and not copies. */
export class StepFeeds {
  readonly #shape: Gpt2Shape;
  readonly #headWidth: number;
  /** The inputs of absent lanes and prompts, which are the same at every step. */
  readonly #absent: Readonly<Record<string, Tensor>>;

  constructor(shape: Gpt2Shape) {
    this.#shape = shape;
    this.#headWidth = shape.width / shape.heads;
    const absent = laneSizes(shape.positions).map((_, index) => this.#lane(index, noLane));
    this.#absent = Object.assign(this.#prompts(noPrompts), ...absent) as Record<string, Tensor>;
  }

  of({ ids, positions, wanted, lanes, prompts }: StepInput): Record<string, Tensor> {
    const promptPositions = prompts.count * prompts.length;
    // Used lanes come first, whatever their T: the graph skips empty lanes only if all rows are in its first lane.
    const used = lanes.filter(({ rows }) => rows > 0);
    const feeds: Record<string, Tensor> = {
      ...this.#absent,
      [inputNames.ids]: new Tensor('int32', ids, [ids.length]),
      [inputNames.position]: new Tensor('int32', positions, [positions.length]),
      [inputNames.wanted]: new Tensor('int32', wanted, [wanted.length]),
      [inputNames.sections]: int64(ids.length - promptPositions, promptPositions),
      [inputNames.laneRows]: int64(...lanes.map((_, index) => used[index]?.rows ?? 0)),
    };
    for (const [index, lane] of used.entries()) Object.assign(feeds, this.#lane(index, lane));
    if (prompts.count > 0) Object.assign(feeds, this.#prompts(prompts));
    return feeds;
  }

  #lane(index: number, { rows, pastLength, mask, past }: LaneInput): Record<string, Tensor> {
    return {
      [maskName(index)]: new Tensor('float32', mask, [rows, 1, 1, 1 + pastLength]),
      ...this.#past((layer) => pastNames(layer, index), past, [rows, pastLength]),
    };
  }

  #prompts({ count, length, pastLength, mask, past }: PromptInput): Record<string, Tensor> {
    return {
      [inputNames.promptShape]: int64(count, length, 3 * this.#shape.heads, this.#headWidth),
      [inputNames.promptMask]: new Tensor('float32', mask, [1, 1, length, length + pastLength]),
      ...this.#past(promptPastNames, past, [count, pastLength]),
    };
  }

  #past(
    namesOf: (layer: number) => readonly [string, string],
    past: (layer: number) => KeysValues,
    [rows, length]: readonly [number, number],
  ): Record<string, Tensor> {
    const dims = [rows, this.#shape.heads, length, this.#headWidth];
    const feeds: Record<string, Tensor> = {};
    for (let layer = 0; layer < this.#shape.layers; layer += 1) {
      const [keyName, valueName] = namesOf(layer);
      const [keys, values] = past(layer);
      feeds[keyName] = new Tensor('float32', keys, dims);
      feeds[valueName] = new Tensor('float32', values, dims);
    }
    return feeds;
  }
}

const int64 = (...values: readonly number[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
