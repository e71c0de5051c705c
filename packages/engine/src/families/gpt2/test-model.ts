/** Reads a GPT-2 model for tests of the computation. */
import { createTokenizer, type Tokenizer } from '@prosemill/tokenizer';
import { describeModel } from '../../models/describe-model.ts';
import type { DecoderWeights } from '../../decoder/decoder-weights.ts';
import { readGpt2Weights } from './read-gpt2-weights.ts';

export async function readTestModel(
  folder: string,
): Promise<{ readonly tokenizer: Tokenizer; readonly weights: DecoderWeights }> {
  const model = await describeModel(folder, ['batched'], 'fp32');
  return { tokenizer: createTokenizer(model.tokenizer), weights: await readGpt2Weights(model) };
}
