/** Reads the small JSON files of a model, which Python may have written. */
import { randomUUID } from 'node:crypto';
import type { FileSource } from './file-source.ts';
import { refuse, shown } from './model-refusals.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export interface JsonFile {
  /** The file's name in messages. */
  readonly file: string;
  readonly fields: JsonObject;
}

/** @throws {AppError} `engine_unavailable` when the file does not exist or does not hold an object */
export async function requireJson(source: FileSource, path: string): Promise<JsonFile> {
  const file = await findJson(source, path);
  if (file === null) throw refuse('missing-file', { model: source.model, path });
  return file;
}

/**
 * @returns null when the file does not exist
 * @throws {AppError} `engine_unavailable` when the file does not hold an object
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

/** Matches a string, which stays as it is, or one of Python's additional numbers. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;

/**
 * Parses JSON with the numbers that Python's json module adds: NaN, Infinity and -Infinity.
 * @throws {SyntaxError}
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/Infinity|NaN/.test(text)) throw error;
  }
  // A placeholder for NaN that cannot occur in the text.
  const notANumber = randomUUID();
  const standard = text.replaceAll(stringOrNumber, (match) => {
    if (match === 'NaN') return `"${notANumber}"`;
    // JSON.parse reads a literal that is too large as Infinity.
    return match.startsWith('"') ? match : match.replace('Infinity', '1e999');
  });
  return JSON.parse(standard, (_key, value: unknown) => (value === notANumber ? Number.NaN : value));
}
