/** The small files of a model: JSON as Python writes it. */
import { randomUUID } from 'node:crypto';
import type { FileSource } from './file-source.ts';
import { refuse, shown } from './model-refusals.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** A file that holds an object. */
export interface JsonFile {
  /** For messages. */
  readonly file: string;
  readonly fields: JsonObject;
}

/** @throws {AppError} `engine_unavailable` when the file is not there, or holds no object */
export async function requireJson(source: FileSource, path: string): Promise<JsonFile> {
  const file = await findJson(source, path);
  if (file === null) throw refuse('missing-file', { model: source.model, path });
  return file;
}

/**
 * @returns null when the file is not there
 * @throws {AppError} `engine_unavailable` when the file holds no object
 */
export async function findJson(source: FileSource, path: string): Promise<JsonFile | null> {
  const text = await source.read(path);
  if (text === null) return null;
  const file = source.locate(path);
  const value = parse(text, file);
  if (!isObject(value)) throw refuse('not-an-object', { file, value: Array.isArray(value) ? 'a list' : shown(value) });
  return { file, fields: value };
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parse(text: string, file: string): unknown {
  try {
    return parsePythonJson(text);
  } catch (cause) {
    throw refuse('not-json', { file }, cause);
  }
}

/** A string, which stays as it is whatever it holds, or one of the numbers that JSON does not know. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;

/**
 * JSON with the numbers that Python's json module adds to it: NaN, Infinity and -Infinity.
 * @throws {SyntaxError}
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/Infinity|NaN/.test(text)) throw error;
  }
  // No string of the text can be this one.
  const notANumber = randomUUID();
  const standard = text.replaceAll(stringOrNumber, (match) => {
    if (match === 'NaN') return `"${notANumber}"`;
    // A literal that is too large for a number is read as an infinite one.
    return match.startsWith('"') ? match : match.replace('Infinity', '1e999');
  });
  return JSON.parse(standard, (_key, value: unknown) => (value === notANumber ? Number.NaN : value));
}
