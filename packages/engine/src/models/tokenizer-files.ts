/** Finds the files of a model's tokenizer, and makes the tokenizer record of core's `ModelRecord` from them. */
import { createTokenizer } from '@prosemill/tokenizer';
import { errorLine } from '@prosemill/core';
import { familyOf } from '../families/families.ts';
import type { FileSource } from './file-source.ts';
import { gpt2SpecialTokens, gpt2TokenizerOf } from './gpt2-tokenizer.ts';
import { findJson, isObject, type JsonFile, type JsonObject, requireJson } from './model-json.ts';
import { refuse } from './model-refusals.ts';

const tokenizerName = 'tokenizer.json';
const configName = 'tokenizer_config.json';
/** The older file for special tokens; newer models list them in tokenizer_config.json. */
const specialTokensName = 'special_tokens_map.json';
const vocabName = 'vocab.json';
const mergesName = 'merges.txt';
const addedTokensName = 'added_tokens.json';

const gpt2Classes: ReadonlySet<unknown> = new Set(['GPT2Tokenizer', 'GPT2TokenizerFast']);

/**
 * @param config  The model's config.json.
 * @returns the files that exist
 * @throws {AppError} `engine_unavailable` when they are not enough for a tokenizer
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

/** @param settings  tokenizer_config.json. If it names no class, the model's family decides. */
function isOfGpt2(settings: JsonFile | null, config: JsonFile): boolean {
  const name = settings?.fields['tokenizer_class'] ?? null;
  return name === null ? familyOf(config.fields)?.name === 'gpt2' : gpt2Classes.has(name);
}

async function present(source: FileSource, ...paths: string[]): Promise<readonly string[]> {
  const found = await Promise.all(paths.map(async (path) => await source.has(path)));
  return paths.filter((_path, index) => found[index]);
}

/**
 * @param files             The result of {@link findTokenizerFiles}.
 * @param model.vocabulary  The number of the model's embeddings; null when config.json does not have it.
 * @returns the tokenizer of core's `ModelRecord`
 * @throws {AppError} `engine_unavailable` when the files are not a tokenizer, or do not fit the model
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
 * The special tokens of the older file win, unless tokenizer_config.json is of the newer kind that lists its added
 * tokens. GPT-2's special tokens apply if neither file names one.
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
  return { file: vocab.file, fields: gpt2TokenizerOf({ vocab, merges, config, added }) };
}

/** Requires an embedding for each token. Added tokens may lack one: a prompt with such a token is refused later. */
function checkFit({ file, fields }: JsonFile, embeddings: number): void {
  const added = new Set(idsIn(fields['added_tokens']));
  const own = vocabularyIds(fields['model']);
  if (own.every((id) => id < embeddings || added.has(id))) return;
  throw refuse('too-many-tokens', { file, tokens: new Set([...own, ...added]).size, embeddings });
}

/** The ids of a vocabulary: a list assigns ids by position, an object by name. */
function vocabularyIds(model: unknown): readonly number[] {
  const vocab = isObject(model) ? model['vocab'] : null;
  if (Array.isArray(vocab)) return vocab.map((_token, id) => id);
  return isObject(vocab) ? Object.values(vocab).map(Number) : [];
}

const idsIn = (tokens: unknown): readonly number[] =>
  Array.isArray(tokens) ? tokens.map((token: unknown) => (isObject(token) ? Number(token['id']) : Number.NaN)) : [];
