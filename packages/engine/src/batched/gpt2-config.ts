/** The config.json of a GPT-2 model, read like transformers' GPT2Config, with its defaults and alternative names. */
import type { JsonFile, JsonObject } from '../models/model-json.ts';
import { refusalText, refuse, shown } from '../models/model-refusals.ts';

/** E = width, H = heads, D = E / H, V = vocabulary, P = positions. */
export interface Gpt2Shape {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Width of the MLP's hidden layer. */
  readonly innerWidth: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly epsilon: number;
}

/** @see transformers' GPT2Config */
const defaults = {
  n_layer: 12,
  n_head: 12,
  n_embd: 768,
  n_positions: 1024,
  vocab_size: 50_257,
  activation_function: 'gelu_new',
  layer_norm_epsilon: 1e-5,
  scale_attn_weights: true,
  scale_attn_by_inverse_layer_idx: false,
  tie_word_embeddings: true,
  eos_token_id: 50_256,
} as const;

/** GPT2Config's attribute_map: a field with one of these names overrides the original field. */
const otherNames = {
  n_layer: 'num_hidden_layers',
  n_head: 'num_attention_heads',
  n_embd: 'hidden_size',
  n_positions: 'max_position_embeddings',
} as const;

/** All of these name one function: 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). @see transformers' ACT2FN */
const activations: ReadonlySet<unknown> = new Set([
  'gelu_new',
  'gelu_pytorch_tanh',
  'gelu_fast',
  'gelu_accurate',
  'gelu_python_tanh',
]);

/** The size limit of an ONNX file in one part. */
const maxGraphBytes = 2 ** 31;

/** If config.json has no model_type, the class that the model was saved from decides. */
export function isGpt2({ model_type: type, architectures }: JsonObject): boolean {
  if (type !== undefined) return type === 'gpt2';
  return Array.isArray(architectures) && architectures.includes('GPT2LMHeadModel');
}

/** The `eos_token_id` of a GPT-2 model's config.json, with its default. */
export const gpt2EndOfText = ({ eos_token_id: id }: JsonObject): unknown =>
  id === undefined ? defaults.eos_token_id : id;

/** @throws {AppError} `engine_unavailable` when a size is impossible */
export function readGpt2Shape({ file, fields }: JsonFile): Gpt2Shape {
  function size(name: keyof typeof otherNames | 'vocab_size'): number {
    const otherName = name === 'vocab_size' ? name : otherNames[name];
    const field = fields[otherName] === undefined ? name : otherName;
    return checkedSize(file, field, fields[field] === undefined ? defaults[name] : fields[field]);
  }

  const heads = size('n_head');
  const width = size('n_embd');
  if (width % heads !== 0) throw refuse('heads-do-not-fit', { file, heads, width });
  const { n_inner: inner, layer_norm_epsilon: epsilon = defaults.layer_norm_epsilon } = fields;
  if (typeof epsilon !== 'number' || !(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY)) {
    throw refuse('epsilon', { file, value: shown(epsilon) });
  }
  return {
    layers: size('n_layer'),
    heads,
    width,
    innerWidth: inner === undefined || inner === null ? 4 * width : checkedSize(file, 'n_inner', inner),
    vocabulary: size('vocab_size'),
    positions: size('n_positions'),
    epsilon,
  };
}

function checkedSize(file: string, field: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw refuse('size', { file, field, value: shown(value) });
  return value as number;
}

/**
 * Returns the reason why the engine `batched` cannot compute a GPT-2 model, or null if it can.
 * @throws {AppError} `engine_unavailable` when a field is of the wrong type
 */
export function findUnsupported({ file, fields }: JsonFile, shape: Gpt2Shape): string | null {
  const { heads, width } = shape;
  const activation = typed({ file, fields }, 'activation_function', 'string');
  const flag = (name: 'scale_attn_weights' | 'scale_attn_by_inverse_layer_idx' | 'tie_word_embeddings'): unknown =>
    typed({ file, fields }, name, 'boolean');
  if (!activations.has(activation)) {
    return refusalText('activation', { file, value: shown(activation), known: [...activations].join(', ') });
  }
  if (flag('scale_attn_weights') === false) return refusalText('unscaled-attention', { file });
  if (flag('scale_attn_by_inverse_layer_idx') === true) return refusalText('attention-scaled-by-layer', { file });
  if (flag('tie_word_embeddings') === false) return refusalText('own-head', { file });
  // KvLane copies keys and values in pairs of numbers.
  if ((width / heads) % 2 !== 0) return refusalText('odd-heads', { file, width, heads });
  const bytes = bytesOf(shape);
  return bytes < maxGraphBytes ? null : refusalText('too-large', { file, size: (bytes / 2 ** 30).toFixed(1) });
}

function typed({ file, fields }: JsonFile, field: keyof typeof defaults, type: 'string' | 'boolean'): unknown {
  const value = fields[field] === undefined ? defaults[field] : fields[field];
  if (typeof value === type) return value;
  throw refuse('field', { file, field, value: shown(value), expected: type === 'string' ? 'text' : 'true or false' });
}

/** The size of the weights in fp32, in bytes. */
function bytesOf({ layers, width, innerWidth, vocabulary, positions }: Gpt2Shape): number {
  const perLayer = width * (4 * width + 2 * innerWidth);
  return 4 * (layers * perLayer + width * (vocabulary + positions));
}
