/** The work of the contestants: prompts and lengths. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mean } from './statistics.ts';

export interface Work {
  readonly prompt: string;
  /** The same prompt as token ids. */
  readonly promptIds: readonly number[];
  readonly newTokens: number;
}

export interface WorkResult {
  /** New tokens of all texts. */
  readonly tokens: number;
  readonly ms: number;
}

/** Each word with a space before it is one token of the model's tokenizer. */
const words =
  'the and was you that her his for she had with said him not they all have were them out one when who see'.split(' ');

/** Makes prompts with exact numbers of tokens. */
export function createPromptMaker(vocabulary: Readonly<Record<string, number>>): (tokens: number) => Work {
  return (tokens) => {
    const chosen = Array.from({ length: tokens }, (_, index) => words[(index * 7 + tokens) % words.length] ?? '');
    return {
      prompt: chosen.map((word) => ` ${word}`).join(''),
      promptIds: chosen.map((word) => vocabulary[`Ġ${word}`] ?? 0),
      newTokens: 1,
    };
  };
}

/** The prompt maker for the model in this folder. */
export async function readPromptMaker(folder: string): Promise<(tokens: number) => Work> {
  const text = await readFile(join(folder, 'tokenizer.json'), 'utf8');
  return createPromptMaker((JSON.parse(text) as { model: { vocab: Record<string, number> } }).model.vocab);
}

/**
 * Numbers spread evenly over a range, in an order without a pattern. @see the golden ratio's low-discrepancy sequence
 */
export const spread = (index: number, [low, high]: readonly [number, number]): number =>
  low + Math.floor(((index * 0.618_034) % 1) * (high - low + 1));

/**
 * Returns a part of the work whose mean lengths are those of the whole: the consecutive pieces that come nearest.
 * @throws {RangeError} when no part comes within 3 %
 */
export function evenSlice(work: readonly Work[], count: number): readonly Work[] {
  const whole = meansOf(work);
  const distances = work.slice(count - 1).map((_, start) => {
    const part = meansOf(work.slice(start, start + count));
    return Math.max(Math.abs(part.prompt / whole.prompt - 1), Math.abs(part.text / whole.text - 1));
  });
  const nearest = Math.min(...distances);
  if (nearest > 0.03)
    throw new RangeError(`No ${count} texts have the mean lengths of all texts: the best differ by ${nearest}.`);
  const start = distances.indexOf(nearest);
  return work.slice(start, start + count);
}

const meansOf = (work: readonly Work[]): { readonly prompt: number; readonly text: number } => ({
  prompt: mean(work.map(({ promptIds }) => promptIds.length)),
  text: mean(work.map(({ newTokens }) => newTokens)),
});
