/**
 * Samples one token from logits like Hugging Face's generate: repetition penalty → temperature → top-k → top-p → draw.
 * Pure functions over one row. V is the size of the vocabulary.
 */
import type { SamplingParameters } from '@prosemill/core';
import { exp } from './exp.ts';
import type { Random } from './random.ts';

/** The number of candidates that a step outputs for each row; requests that need more read all logits. */
export const topCandidates = 64;

export type Warping = Pick<SamplingParameters, 'temperature' | 'topK' | 'topP'>;

/**
 * Makes tokens that have occurred less likely, in place: positive logits are divided by the penalty, negative ones are
 * multiplied by it.
 * @param logits   Shape [V].
 * @param seen     The ids of the prompt and of the generated text; each counts once.
 * @param penalty  (0, 10]; 1 does nothing.
 * @see Keskar 2019, "CTRL", section 4.1
 */
export function penalizeRepetition(logits: Float32Array, seen: ReadonlySet<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const id of seen) {
    const logit = at(logits, id);
    logits[id] = logit > 0 ? logit / penalty : logit * penalty;
  }
}

/**
 * Chooses one token. Ties go to the lower id.
 * @param logits  Shape [V]; not changed.
 * @param random  Called once, unless the choice is greedy (temperature 0 or top_k 1).
 * @returns an id in [0, V)
 * @throws {RangeError} when the logits hold NaN or no finite number
 */
export function chooseToken(logits: Float32Array, { temperature, topK, topP }: Warping, random: Random): number {
  const best = argmax(logits);
  const max = at(logits, best);
  if (temperature === 0 || topK === 1) return best;
  if (topK > 0 && topK < logits.length) {
    const top = selectTop(logits, topK);
    const topLogits = top.map((id) => at(logits, id));
    return chooseFromTop(top, topLogits, { temperature, topP }, random);
  }
  let ids = [...logits.keys()];
  let weights = ids.map((id) => exp((at(logits, id) - max) / temperature));
  const total = sum(weights);
  if (Number.isNaN(total)) throw new RangeError('The model gave logits that are not finite numbers.');
  if (topP < 1) {
    // All tokens below this floor together have a share below 1 − topP, so only the few ids above it must be sorted.
    const floor = ((1 - topP) * total) / logits.length;
    const all = weights;
    const candidates = ids.filter((id) => at(all, id) >= floor);
    ids = inOrder(candidates, logits);
    weights = ids.map((id) => at(all, id));
    weights = weights.slice(0, nucleusSize(weights, topP * total));
  }
  return at(ids, draw(weights, random()));
}

/**
 * Chooses one of the likeliest tokens: the last part of {@link chooseToken}.
 * @param ids     Shape [k], k ≥ 1, largest logit first.
 * @param logits  Shape [k], the logits of the ids.
 * @throws {RangeError} when the logits hold NaN or no finite number
 */
export function chooseFromTop(
  ids: ArrayLike<number>,
  logits: ArrayLike<number>,
  { temperature, topP }: Pick<Warping, 'temperature' | 'topP'>,
  random: Random,
): number {
  const max = at(logits, 0);
  if (!Number.isFinite(max)) throw new RangeError('The model gave logits that are not finite numbers.');
  if (temperature === 0 || ids.length === 1) return at(ids, 0);
  const weights = new Float64Array(ids.length);
  for (let index = 0; index < weights.length; index += 1) {
    weights[index] = exp((at(logits, index) - max) / temperature);
  }
  const total = sum(weights);
  if (Number.isNaN(total)) throw new RangeError('The model gave logits that are not finite numbers.');
  const kept = topP < 1 ? weights.subarray(0, nucleusSize(weights, topP * total)) : weights;
  return at(ids, draw(kept, random()));
}

/** The id of the largest logit. @throws {RangeError} when no logit is above −∞ */
export function argmax(logits: Float32Array): number {
  let best = -1;
  let max = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id += 1) {
    const logit = at(logits, id);
    if (logit > max) {
      max = logit;
      best = id;
    }
  }
  if (best === -1) throw new RangeError('The model gave logits that are not finite numbers.');
  return best;
}

/** The ids of the `count` largest logits, in order, without sorting all logits. */
function selectTop(logits: Float32Array, count: number): number[] {
  let kept: number[] = [];
  let floor = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id += 1) {
    if (at(logits, id) <= floor) continue;
    kept.push(id);
    if (kept.length < 2 * count) continue;
    kept = inOrder(kept, logits).slice(0, count);
    floor = at(logits, at(kept, count - 1));
  }
  return inOrder(kept, logits).slice(0, count);
}

/** Sorts ids by descending logit; among equal logits the lower id comes first. */
const inOrder = (ids: readonly number[], logits: Float32Array): number[] =>
  ids.toSorted((a, b) => at(logits, b) - at(logits, a) || a - b);

/**
 * The smallest number of leading weights whose sum reaches `share`; at least 1.
 * @see Holtzman 2020, "The Curious Case of Neural Text Degeneration", section 3.1
 */
function nucleusSize(weights: ArrayLike<number>, share: number): number {
  let reached = 0;
  for (let index = 0; index < weights.length; index += 1) {
    reached += at(weights, index);
    if (reached >= share) return index + 1;
  }
  return weights.length;
}

/** Draws an index in proportion to its weight. @param uniform  A random number in [0, 1). */
function draw(weights: ArrayLike<number>, uniform: number): number {
  let rest = uniform * sum(weights);
  for (let index = 0; index < weights.length; index += 1) {
    rest -= at(weights, index);
    if (rest < 0) return index;
  }
  // Reached only through rounding errors.
  return weights.length - 1;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let index = 0; index < values.length; index += 1) total += at(values, index);
  return total;
}

/** Reads a value at an index in range. Any other index gives NaN, which the checks above catch. */
const at = (values: ArrayLike<number>, index: number): number => values[index] ?? Number.NaN;
