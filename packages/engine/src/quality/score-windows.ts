/** Runs a text through two number formats of a model and scores the predictions of each. */
import type { Gpt2Session } from '../batched/gpt2-session.ts';
import type { Gpt2Shape } from '../batched/gpt2-config.ts';
import { firstStep } from '../batched/step.ts';
import { addScores, compareLogits, noScore, type ScoreSums } from './compare-logits.ts';

/** About the length of the texts that the service writes. */
const windowTokens = 256;

export interface ScoredText {
  readonly ids: readonly number[];
  readonly shape: Gpt2Shape;
  /** fp32. */
  readonly reference: Gpt2Session;
  readonly other: Gpt2Session;
}

/**
 * Scores the text in windows that do not overlap. Each window begins with an empty past, so its first token has no
 * prediction and is not scored. The short past lowers both scores alike. Overlapping windows would raise them, but take
 * longer in proportion. Holds the logits of one window, not of the whole text.
 */
export async function scoreWindows({
  ids,
  shape,
  reference,
  other,
}: ScoredText): Promise<{ readonly reference: ScoreSums; readonly other: ScoreSums }> {
  let referenceScore = noScore;
  let otherScore = noScore;
  for (const window of windowsOf(ids, Math.min(windowTokens, shape.positions))) {
    const seen = window.slice(0, -1);
    const targets = window.slice(1);
    const expected = await logitsOf(reference, shape, seen);
    const logits = await logitsOf(other, shape, seen);
    referenceScore = addScores(referenceScore, compareLogits({ logits: expected, reference: expected, targets }));
    otherScore = addScores(otherScore, compareLogits({ logits, reference: expected, targets }));
  }
  return { reference: referenceScore, other: otherScore };
}

/** Windows of `size` tokens; the last may be shorter, and is left out if it is a single token without a prediction. */
export function windowsOf(ids: readonly number[], size: number): readonly (readonly number[])[] {
  const count = Math.ceil(ids.length / size);
  const windows = Array.from({ length: count }, (_, index) => ids.slice(index * size, (index + 1) * size));
  return windows.filter(({ length }) => length > 1);
}

/** The logits after each of the S tokens of a window that begins with an empty past: shape [S, V]. */
async function logitsOf(session: Gpt2Session, shape: Gpt2Shape, ids: readonly number[]): Promise<Float32Array> {
  const { logits } = await session.run(firstStep(ids, shape));
  if (logits === null) throw new TypeError('The session gave no logits.');
  return logits;
}
