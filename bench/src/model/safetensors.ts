/** Writes GPT-2's weights as a safetensors file, under Hugging Face's names. */
import type { DecoderWeights, Linear, Norm } from '@prosemill/engine/internals';

type NamedTensor = readonly [name: string, dims: readonly number[], data: Float32Array];

/** @returns the bytes of model.safetensors in fp32 */
export function buildSafetensors(weights: DecoderWeights): Buffer {
  const tensors = tensorsOf(weights);
  let offset = 0;
  const header = Object.fromEntries(
    tensors.map(([name, dims, data]) => {
      const begin = offset;
      offset += data.byteLength;
      return [`transformer.${name}`, { dtype: 'F32', shape: dims, data_offsets: [begin, offset] }];
    }),
  );
  const headerBytes = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerBytes.length));
  return Buffer.concat([length, headerBytes, ...tensors.map(([, , data]) => Buffer.from(data.buffer))]);
}

const tensorsOf = ({ shape, tokens, positions, layers, finalNorm }: DecoderWeights): readonly NamedTensor[] => [
  ['wte.weight', [shape.vocabulary, shape.width], tokens],
  ['wpe.weight', [shape.positions, shape.width], positions],
  ...layers.flatMap((layer, index) => [
    ...normOf(`h.${index}.ln_1`, layer.attentionNorm),
    ...linearOf(`h.${index}.attn.c_attn`, layer.attention),
    ...linearOf(`h.${index}.attn.c_proj`, layer.projection),
    ...normOf(`h.${index}.ln_2`, layer.mlpNorm),
    ...linearOf(`h.${index}.mlp.c_fc`, layer.mlpIn),
    ...linearOf(`h.${index}.mlp.c_proj`, layer.mlpOut),
  ]),
  ...normOf('ln_f', finalNorm),
];

const normOf = (name: string, { gain, bias }: Norm): readonly NamedTensor[] => [
  [`${name}.weight`, [gain.length], gain],
  [`${name}.bias`, [bias.length], bias],
];

const linearOf = (name: string, { weight, bias, inputs, outputs }: Linear): readonly NamedTensor[] => [
  [`${name}.weight`, [inputs, outputs], weight],
  [`${name}.bias`, [outputs], bias],
];
