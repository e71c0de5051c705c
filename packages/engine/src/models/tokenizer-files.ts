/** The files of a model's tokenizer, and the record that prompts are encoded by. */
import { createTokenizer } from '@prosemill/tokenizer';
import { errorLine } from '@prosemill/core';
import { isGpt2 } from '../batched/gpt2-config.ts';
import type { FileSource } from './file-source.ts';
import { gpt2SpecialTokens, gpt2TokenizerOf } from './gpt2-tokenizer.ts';
import { findJson, isObject, type JsonFile, type JsonObject, requireJson } from './model-json.ts';
import { refuse } from './model-refusals.ts';

const tokenizerName = 'tokenizer.json';
const configName = 'tokenizer_config.json';
/** Older: what tokenizer_config.json says of special tokens today. */
const specialTokensName = 'special_tokens_map.json';
const vocabName = 'vocab.json';
const mergesName = 'merges.txt';
const addedTokensName = 'added_tokens.json';

const gpt2Classes: ReadonlySet<unknown> = new Set(['GPT2Tokenizer', 'GPT2TokenizerFast']);

/**
 * @param config  The model's config.json.
 * @returns those that are there
 * @throws {AppError} `engine_unavailable` when they make no tokenizer
 */
export async function findTokenizerFiles(source: FileSource, config: JsonFile): Promise<readonly string[]> {
  const { model } = source;
  const settings = await present(source, configName, specialTokensName);
  if (await source.has(tokenizerName)) return [tokenizerName, ...settings];
  if (!isOfGpt2(await findJson(source, configName), config) || !(await source.has(vocabName)))
    throw refuse('missing-file', { model, path: tokenizerName });
  if (!(await source.has(mergesName))) throw refuse('missing-merges', { model });
  return [vocabName, mergesName, ...settings, ...(await present(source, addedTokensName))];
}

/** @param settings  tokenizer_config.json, whose class is that of the model's family where it names none. */
function isOfGpt2(settings: JsonFile | null, config: JsonFile): boolean {
  const name = settings?.fields['tokenizer_class'] ?? null;
  return name === null ? isGpt2(config.fields) : gpt2Classes.has(name);
}

async function present(source: FileSource, ...paths: string[]): Promise<readonly string[]> {
  const found = await Promise.all(paths.map(async (path) => await source.has(path)));
  return paths.filter((_path, index) => found[index]);
}

/**
 * @param files       As {@link findTokenizerFiles} found them.
 * @param vocabulary  Embeddings of the model; null when its config.json does not say.
 * @returns as in core's `ModelRecord`
 * @throws {AppError} `engine_unavailable` when the files are no tokenizer, or not the model's
 */
export async function readTokenizer(
  source: FileSource,
  files: readonly string[],
  model: { readonly config: JsonFile; readonly vocabulary: number | null },
): Promise<string> {
  const config = await readSettings(source, model.config);
  const { file, fields: tokenizer } = files.includes(tokenizerName)
    ? await requireJson(source, tokenizerName)
    : await readGpt2Tokenizer(source, config);
  const record = JSON.stringify({ tokenizer, config, vocabularySize: model.vocabulary ?? undefined });
  try {
    createTokenizer(record);
  } catch (cause) {
    throw refuse('tokenizer', { file, reason: errorLine(cause) });
  }
  if (model.vocabulary !== null) checkFit({ file, fields: tokenizer }, model.vocabulary);
  return record;
}

/**
 * Special tokens of the older file count, unless tokenizer_config.json is of the newer kind that lists its added tokens. Those of GPT-2
 * count where neither file names one.
 * @see transformers 5, PreTrainedTokenizerBase._from_pretrained
 */
async function readSettings(source: FileSource, config: JsonFile): Promise<JsonObject> {
  const settings = await findJson(source, configName);
  const isNewer = settings?.fields['added_tokens_decoder'] !== undefined;
  const specialTokens = isNewer ? null : await findJson(source, specialTokensName);
  const assumed = isOfGpt2(settings, config) ? gpt2SpecialTokens : {};
  return { ...assumed, ...settings?.fields, ...specialTokens?.fields };
}

async function readGpt2Tokenizer(source: FileSource, config: JsonObject): Promise<JsonFile> {
  const vocab = await requireJson(source, vocabName);
  const added = (await findJson(source, addedTokensName))?.fields ?? {};
  const merges = { file: source.locate(mergesName), text: (await source.read(mergesName)) ?? '' };
  const fields = gpt2TokenizerOf({ vocab, merges, config, added });
  return { file: vocab.file, fields };
}

/** Tokens that were added to the vocabulary may have no embedding: a prompt that has one of them is refused later. */
function checkFit({ file, fields }: JsonFile, embeddings: number): void {
  const added = new Set(idsIn(fields['added_tokens']));
  const own = vocabularyIds(fields['model']);
  if (own.every((id) => id < embeddings || added.has(id))) return;
  throw refuse('too-many-tokens', { file, tokens: new Set([...own, ...added]).size, embeddings });
}

/** A list of tokens has their ids by its order, any other vocabulary by name. */
function vocabularyIds(model: unknown): readonly number[] {
  const vocab = isObject(model) ? model['vocab'] : null;
  if (Array.isArray(vocab)) return vocab.map((_token, id) => id);
  return isObject(vocab) ? Object.values(vocab).map(Number) : [];
}

const idsIn = (tokens: unknown): readonly number[] =>
  Array.isArray(tokens) ? tokens.map((token: unknown) => (isObject(token) ? Number(token['id']) : Number.NaN)) : [];
