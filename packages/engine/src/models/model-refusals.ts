/** The reasons why a model is refused. docs/models.md has the same table. */
import { AppError } from '@prosemill/core';

/** `{model}` is the folder or the repository, `{file}` one of its files, and the other names are values found there. */
export const modelRefusals = {
  'missing-file': '{model} has no {path}',
  'unreadable-file': '{file} cannot be read',
  'not-json': '{file} is not JSON',
  'not-an-object': '{file} holds {value}, but an object is expected',
  adapter:
    '{model} is an adapter to the model {base} (adapter_config.json): merge the two, and use the folder of the merged model',

  size: '{file}: {field} is {value}, but a whole number above 0 is expected',
  epsilon: '{file}: layer_norm_epsilon is {value}, but a number of 0 or more is expected',
  field: '{file}: {field} is {value}, but {expected} is expected',
  'heads-do-not-fit': '{file}: n_head is {heads}, which does not divide n_embd, {width}',
  'no-positions': '{file} does not say how many positions the model has (max_position_embeddings)',
  'end-of-text': '{file}: eos_token_id is {value}, but a token id, a list of them or null is expected',

  'other-family': '{file}: model_type is {value}, and the engine batched runs {known} only',
  'no-onnx': '{model} has no {path}, which the engine transformers needs',
  activation: '{file}: activation_function is {value}, but the engine batched computes only {known}',

  'no-weights': '{model} has neither model.safetensors nor model.safetensors.index.json',
  'other-weights':
    '{model} has its weights in {path} only, which is not read: save them as safetensors (save_pretrained does)',
  'shard-index': '{file} has no weight_map with the names of files',
  'shard-name': '{file} names {shard}, but the name of a .safetensors file beside it is expected',
  'missing-shard': '{file} names {shard}, which is not there',
  'not-safetensors': '{file} is not a safetensors file: {reason}',
  'cut-off': '{file} has {bytes} bytes, but its header describes {expected}',
  'missing-tensor': '{file} has no tensor {tensor}',
  'tensor-shape': '{file}: {tensor} has the shape [{shape}], but config.json makes it [{expected}]',
  'tensor-format': '{file}: {tensor} has the number format {format}, but F64, F32, F16 or BF16 is expected',
  'not-finite': '{file}: {tensor} has a NaN or an infinity',

  'missing-merges': '{model} has vocab.json but no merges.txt, and no tokenizer.json',
  merges: '{file}: line {line} is not two tokens with a space between them',
  tokenizer: '{file} is not a tokenizer that can be used: {reason}',
  'too-many-tokens': '{file} has {tokens} tokens, but the model has {embeddings} embeddings (vocab_size)',
} as const satisfies Readonly<Record<string, string>>;

export type ModelRefusal = keyof typeof modelRefusals;

/** The names in braces, as a union type. */
type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Values<Refusal extends ModelRefusal> = Readonly<Record<Names<(typeof modelRefusals)[Refusal]>, string | number>>;

export function refusalText<Refusal extends ModelRefusal>(refusal: Refusal, values: Values<Refusal>): string {
  const byName: Readonly<Record<string, string | number>> = values;
  return modelRefusals[refusal].replaceAll(/\{(\w+)\}/g, (_match, name: string) => String(byName[name]));
}

/** The error for a model that no engine can run. */
export const refuse = <Refusal extends ModelRefusal>(
  refusal: Refusal,
  values: Values<Refusal>,
  cause?: unknown,
): AppError => new AppError('engine_unavailable', { message: refusalText(refusal, values), cause });

const maxShown = 60;

/** A value of a file for a message, as it is written there; a long one is cut. */
export function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'missing');
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}
