/** The variants of GPT-2 compute what GPT-2's definition says. */
import { join } from 'node:path';
import { createTestFolder, type Gpt2FolderOptions, writeGpt2Folder } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Decoder } from '../../decoder/decoder.ts';
import { floatParts, type ModelParts } from '../../decoder/model-parts.ts';
import { balanceOn } from '../../int8/prepare-int8.ts';
import { int8Parts } from '../../int8/int8-parts.ts';
import { describeModel } from '../../models/describe-model.ts';
import { logitsOf, scoringLimits } from '../../quality/score-windows.ts';
import { readGpt2Weights } from './read-gpt2-weights.ts';
import { referenceLogits } from './test-reference.ts';

const ids = Array.from({ length: 40 }, (_, index) => (index * 37 + 11) % 300);
const sizes = { n_embd: 48, n_head: 3, vocab_size: 301, n_positions: 70 };

async function logitsWith(model: ModelParts): Promise<Float32Array> {
  const decoder = await Decoder.open(model, { ...scoringLimits, threads: 1 });
  onTestFinished(async () => await decoder.close());
  return await logitsOf(decoder, ids);
}

describe('a GPT-2 model', () => {
  it.each<[string, Gpt2FolderOptions]>([
    ['as it usually is', {}],
    ['with gelu', { config: { activation_function: 'gelu' } }],
    ['with relu', { config: { activation_function: 'relu' } }],
    ['with a head of its own', { config: { tie_word_embeddings: false }, head: 'other' }],
    ['with a head of its own that config.json does not mention', { head: 'other' }],
    ['with unscaled attention', { config: { scale_attn_weights: false } }],
    ['with attention scaled by layer', { config: { scale_attn_by_inverse_layer_idx: true } }],
    ['with heads of an odd width', { config: { n_embd: 45, n_head: 5 } }],
    ['with a single head of 7', { config: { n_embd: 7, n_head: 1, n_inner: 19 } }],
    ['in float16', { dtype: 'F16' }],
  ])('%s has the logits of its definition', async (_name, options) => {
    const folder = join(await createTestFolder(), 'model');
    await writeGpt2Folder(folder, { ...options, config: { ...sizes, ...options.config } });
    const { shape, ...described } = await describeModel(folder, ['batched'], 'fp32');
    if (shape === null) throw new TypeError('not a GPT-2 model');
    const model = { ...described, shape };
    const expected = (await referenceLogits(model, ids, options.head === 'other')).flat();
    const largest = Math.max(...expected.map(Math.abs));
    const weights = await readGpt2Weights(model);
    const errorOf = (logits: Float32Array): number =>
      Math.max(...expected.map((value, index) => Math.abs(value - (logits[index] ?? Number.NaN)))) / largest;
    expect(errorOf(await logitsWith(floatParts(weights)))).toBeLessThan(2e-5);
    const balanced = await balanceOn(weights, [...ids, ...ids]);
    expect(errorOf(await logitsWith(int8Parts(balanced)))).toBeLessThan(0.05);
  });
});
