/** Reads the tokens that end a text. Nothing else is taken from generation_config.json. */
import { familyOf } from '../families/families.ts';
import type { FileSource } from './file-source.ts';
import { findJson, type JsonFile } from './model-json.ts';
import { refuse, shown } from './model-refusals.ts';

export const generationConfigName = 'generation_config.json';

/**
 * Follows Hugging Face's generate: the ids come from generation_config.json, or from config.json if it names none.
 * @returns the distinct ids, ascending
 * @throws {AppError} `engine_unavailable` when the file does not hold an object, or a value is not an id
 */
export async function readEndIds(source: FileSource, config: JsonFile): Promise<readonly number[]> {
  const generation = await findJson(source, generationConfigName);
  const ids = generation?.fields['eos_token_id'] ?? null;
  if (generation !== null && ids !== null) return idsOf(generation.file, ids);
  const { file, fields } = config;
  const family = familyOf(fields);
  return idsOf(file, family === null ? fields['eos_token_id'] : family.endOfText(fields));
}

function idsOf(file: string, value: unknown): readonly number[] {
  const ids = [value ?? []].flat();
  if (!ids.every((id): id is number => Number.isSafeInteger(id))) {
    throw refuse('end-of-text', { file, value: shown(value) });
  }
  return [...new Set(ids)].toSorted((a, b) => a - b);
}
