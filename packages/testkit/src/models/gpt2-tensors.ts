/** Random weights of a GPT-2 model, with Hugging Face's names. */
import type { NamedTensor } from './safetensors.ts';

export interface Gpt2Sizes {
  readonly n_layer: number;
  readonly n_embd: number;
  readonly n_inner: number;
  readonly n_positions: number;
  readonly vocab_size: number;
}

/**
 * @param seed  The same seed and sizes give the same weights.
 * @returns tensors, the token embeddings first
 */
export function randomGpt2Tensors(
  sizes: Gpt2Sizes,
  { seed, prefix }: { readonly seed: number; readonly prefix: string },
): readonly NamedTensor[] {
  const { n_layer: layers, n_embd: width, n_inner: inner, n_positions: positions, vocab_size: vocabulary } = sizes;
  let state = seed;
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;

  function tensor(name: string, shape: readonly number[], mean = 0): NamedTensor {
    const length = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length }, () => mean + (next() + next() - 1) * 0.3);
    return { name: `${prefix}${name}`, shape, values };
  }

  const norm = (name: string): readonly NamedTensor[] => [
    tensor(`${name}.weight`, [width], 1),
    tensor(`${name}.bias`, [width]),
  ];
  const linear = (name: string, inputs: number, outputs: number): readonly NamedTensor[] => [
    tensor(`${name}.weight`, [inputs, outputs]),
    tensor(`${name}.bias`, [outputs]),
  ];
  const layer = (name: string): readonly NamedTensor[] => [
    ...norm(`${name}.ln_1`),
    ...linear(`${name}.attn.c_attn`, width, 3 * width),
    ...linear(`${name}.attn.c_proj`, width, width),
    ...norm(`${name}.ln_2`),
    ...linear(`${name}.mlp.c_fc`, width, inner),
    ...linear(`${name}.mlp.c_proj`, inner, width),
  ];
  return [
    tensor('wte.weight', [vocabulary, width]),
    tensor('wpe.weight', [positions, width]),
    ...Array.from({ length: layers }, (_, index) => layer(`h.${index}`)).flat(),
    ...norm('ln_f'),
  ];
}
