/** Runs a text through two number formats of a model and scores the predictions of each. */
import type { Decoder } from '../decoder/decoder.ts';
import { addScores, compareLogits, noScore, type ScoreSums } from './compare-logits.ts';

/** About the length of the texts that the service writes. */
const windowTokens = 256;
/** The positions of a step, of which all logits are wanted. */
const stepTokens = 32;

/** The options of a decoder that scores, besides its threads. */
export const scoringLimits = { texts: 1, rows: stepTokens, wanted: stepTokens } as const;

export interface ScoredText {
  readonly ids: readonly number[];
  /** fp32. */
  readonly reference: Decoder;
  readonly other: Decoder;
}

/**
 * Scores the text in windows that do not overlap. Each window begins with an empty past, so its first token has no
 * prediction and is not scored. The short past lowers both scores alike. Overlapping windows would raise them, but take
 * longer in proportion. Holds the logits of one window, not of the whole text.
 */
export async function scoreWindows({
  ids,
  reference,
  other,
}: ScoredText): Promise<{ readonly reference: ScoreSums; readonly other: ScoreSums }> {
  let referenceScore = noScore;
  let otherScore = noScore;
  for (const window of windowsOf(ids, Math.min(windowTokens, reference.shape.positions))) {
    const seen = window.slice(0, -1);
    const targets = window.slice(1);
    const expected = await logitsOf(reference, seen);
    const logits = await logitsOf(other, seen);
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
export async function logitsOf(decoder: Decoder, ids: readonly number[]): Promise<Float32Array> {
  const { vocabulary } = decoder.shape;
  const logits = new Float32Array(ids.length * vocabulary);
  const text = decoder.pages.add(ids.length);
  for (let done = 0; done < ids.length; done += stepTokens) {
    const piece = ids.slice(done, done + stepTokens);
    const output = await decoder.step([{ text, ids: piece, wanted: piece.length }], { withLogits: true });
    for (const row of piece.keys()) logits.set(output.logitsOf(row), (done + row) * vocabulary);
  }
  decoder.pages.remove(text);
  return logits;
}
