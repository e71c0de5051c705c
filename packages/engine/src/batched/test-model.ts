/** Reads a GPT-2 model for tests of the computation. */
import { createTokenizer, type Tokenizer } from '@prosemill/tokenizer';
import { describeModel } from '../models/describe-model.ts';
import { type Gpt2Weights, readGpt2Weights } from './gpt2-weights.ts';

export async function readTestModel(
  folder: string,
): Promise<{ readonly tokenizer: Tokenizer; readonly weights: Gpt2Weights }> {
  const { shape, ...model } = await describeModel(folder, ['batched'], 'fp32');
  if (shape === null) throw new TypeError(`${folder} is not a GPT-2 model`);
  return { tokenizer: createTokenizer(model.tokenizer), weights: await readGpt2Weights({ ...model, shape }) };
}
