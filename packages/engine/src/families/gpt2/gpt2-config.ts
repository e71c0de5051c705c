/** The config.json of a GPT-2 model, read like transformers' GPT2Config, with its defaults and alternative names. */
import type { Activation, DecoderShape } from '../../decoder/decoder-shape.ts';
import type { JsonFile, JsonObject } from '../../models/model-json.ts';
import { refusalText, refuse, shown } from '../../models/model-refusals.ts';

/** GPT-2's choices that only reading the weights needs, beside the decoder's. */
export interface Gpt2Shape extends DecoderShape {
  /** Whether attention divides its scores by √D. */
  readonly scalesScores: boolean;
  /** Whether it divides them by the number of the layer, from 1. */
  readonly scalesScoresByLayer: boolean;
  /** Whether the head is the token table, unless the files have a head. */
  readonly tiesHead: boolean;
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

/** The names of each function. @see transformers' ACT2FN */
const activations: ReadonlyMap<string, Activation> = new Map([
  ['gelu_new', 'gelu-tanh'],
  ['gelu_pytorch_tanh', 'gelu-tanh'],
  ['gelu_fast', 'gelu-tanh'],
  ['gelu_accurate', 'gelu-tanh'],
  ['gelu_python_tanh', 'gelu-tanh'],
  ['gelu', 'gelu'],
  ['gelu_python', 'gelu'],
  ['relu', 'relu'],
]);

/** If config.json has no model_type, the class that the model was saved from decides. */
export function isGpt2({ model_type: type, architectures }: JsonObject): boolean {
  if (type !== undefined) return type === 'gpt2';
  return Array.isArray(architectures) && architectures.includes('GPT2LMHeadModel');
}

/** The `eos_token_id` of a GPT-2 model's config.json, with its default. */
export const gpt2EndOfText = ({ eos_token_id: id }: JsonObject): unknown =>
  id === undefined ? defaults.eos_token_id : id;

/** @throws {AppError} `engine_unavailable` when a size is impossible or a field of the wrong type */
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
    // `findUnsupported` refuses other names.
    activation: activations.get(textOf({ file, fields }, 'activation_function')) ?? 'gelu-tanh',
    scalesScores: flagOf({ file, fields }, 'scale_attn_weights'),
    scalesScoresByLayer: flagOf({ file, fields }, 'scale_attn_by_inverse_layer_idx'),
    tiesHead: flagOf({ file, fields }, 'tie_word_embeddings'),
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
export function findUnsupported(config: JsonFile): string | null {
  const value = textOf(config, 'activation_function');
  if (activations.has(value)) return null;
  const known = [...activations.keys()].join(', ');
  return refusalText('activation', { file: config.file, value: shown(value), known });
}

function textOf(config: JsonFile, field: 'activation_function'): string {
  const value = valueOf(config, field);
  if (typeof value === 'string') return value;
  throw refuse('field', { file: config.file, field, value: shown(value), expected: 'text' });
}

function flagOf(
  config: JsonFile,
  field: 'scale_attn_weights' | 'scale_attn_by_inverse_layer_idx' | 'tie_word_embeddings',
): boolean {
  const value = valueOf(config, field);
  if (typeof value === 'boolean') return value;
  throw refuse('field', { file: config.file, field, value: shown(value), expected: 'true or false' });
}

const valueOf = ({ fields }: JsonFile, field: keyof typeof defaults): unknown =>
  fields[field] === undefined ? defaults[field] : fields[field];
