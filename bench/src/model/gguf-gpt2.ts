/** Writes GPT-2 for llama.cpp: matrices in Q8_0, other tensors in float32. */
import type { DecoderWeights, Linear, Norm } from '@prosemill/engine/internals';
import { type GgufTensor, type GgufValue, writeGguf } from './gguf.ts';
import { endId } from './model-shape.ts';

export interface GgufVocabulary {
  /** The index of a token is its id. */
  readonly tokens: readonly string[];
  /** Pairs of tokens with a space between them, in order of priority. */
  readonly merges: readonly string[];
}

/** llama.cpp's file type MOSTLY_Q8_0. */
const mostlyQ8 = 7;
const tokenTypes = { normal: 1, control: 3 } as const;

/** @returns the bytes of a .gguf file */
export const buildGpt2Gguf = (weights: DecoderWeights, vocabulary: GgufVocabulary): Buffer =>
  writeGguf(metadataOf(weights, vocabulary), tensorsOf(weights));

function metadataOf({ shape }: DecoderWeights, { tokens, merges }: GgufVocabulary): Record<string, GgufValue> {
  return {
    'general.architecture': text('gpt2'),
    'general.name': text('random weights'),
    'general.file_type': int(mostlyQ8),
    'gpt2.context_length': int(shape.positions),
    'gpt2.embedding_length': int(shape.width),
    'gpt2.feed_forward_length': int(shape.innerWidth),
    'gpt2.block_count': int(shape.layers),
    'gpt2.attention.head_count': int(shape.heads),
    'gpt2.attention.layer_norm_epsilon': { type: 'float32', value: shape.epsilon },
    'tokenizer.ggml.model': text('gpt2'),
    'tokenizer.ggml.pre': text('gpt-2'),
    'tokenizer.ggml.tokens': { type: 'strings', value: tokens },
    'tokenizer.ggml.token_type': {
      type: 'int32s',
      value: tokens.map((_, id) => (id === endId ? tokenTypes.control : tokenTypes.normal)),
    },
    'tokenizer.ggml.merges': { type: 'strings', value: merges },
    'tokenizer.ggml.bos_token_id': int(endId),
    'tokenizer.ggml.eos_token_id': int(endId),
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: false },
  };
}

const int = (value: number): GgufValue => ({ type: 'uint32', value });
const text = (value: string): GgufValue => ({ type: 'string', value });

function tensorsOf({ shape, tokens, positions, layers, finalNorm }: DecoderWeights): readonly GgufTensor[] {
  const { vocabulary, width } = shape;
  return [
    { name: 'token_embd.weight', type: 'Q8_0', dims: [vocabulary, width], data: tokens },
    { name: 'position_embd.weight', type: 'F32', dims: [shape.positions, width], data: positions },
    ...layers.flatMap((layer, index) => [
      ...normOf(`blk.${index}.attn_norm`, layer.attentionNorm),
      ...linearOf(`blk.${index}.attn_qkv`, layer.attention),
      ...linearOf(`blk.${index}.attn_output`, layer.projection),
      ...normOf(`blk.${index}.ffn_norm`, layer.mlpNorm),
      ...linearOf(`blk.${index}.ffn_up`, layer.mlpIn),
      ...linearOf(`blk.${index}.ffn_down`, layer.mlpOut),
    ]),
    ...normOf('output_norm', finalNorm),
  ];
}

const normOf = (name: string, { gain, bias }: Norm): readonly GgufTensor[] => [
  { name: `${name}.weight`, type: 'F32', dims: [gain.length], data: gain },
  { name: `${name}.bias`, type: 'F32', dims: [bias.length], data: bias },
];

const linearOf = (name: string, { weight, bias, inputs, outputs }: Linear): readonly GgufTensor[] => [
  { name: `${name}.weight`, type: 'Q8_0', dims: [outputs, inputs], data: transposed(weight, inputs, outputs) },
  { name: `${name}.bias`, type: 'F32', dims: [outputs], data: bias },
];

/** Transposes a weight of GPT-2's Conv1D, [inputs, outputs] → [outputs, inputs]. */
function transposed(weight: Float32Array, inputs: number, outputs: number): Float32Array {
  const result = new Float32Array(weight.length);
  for (let input = 0; input < inputs; input += 1) {
    for (let output = 0; output < outputs; output += 1) {
      result[output * inputs + input] = weight[input * outputs + output] ?? 0;
    }
  }
  return result;
}
