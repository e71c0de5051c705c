/** Engines, number formats, and the names of their files. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { isObject, type JsonFile } from './model-json.ts';
import { refuse, shown } from './model-refusals.ts';

/** The file suffix of each number format in transformers.js. */
const fileSuffixes = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  bnb4: '_bnb4',
  q4f16: '_q4f16',
} as const;

export type Dtype = keyof typeof fileSuffixes;

export const engines = ['batched', 'transformers'] as const;
export type Engine = (typeof engines)[number];

/** The engine and number format that determine which files of a model are used. */
export interface Variant {
  readonly engine: Engine;
  readonly dtype: Dtype;
}

/** Whether `batched` can compute in this number format. All of its formats come from the same weights. */
export const isBatchedDtype = (dtype: Dtype): boolean => dtype === 'fp32' || dtype === 'int8';

export const onnxFile = (dtype: Dtype): string => `onnx/model${fileSuffixes[dtype]}.onnx`;

const maxDataFiles = 100;

/**
 * Weights of more than 2 GB are in additional files, `model.onnx_data`, `model.onnx_data_1`, …; config.json has their
 * number.
 * @throws {AppError} `engine_unavailable` when config.json has no valid number
 */
export function onnxDataFiles({ file, fields }: JsonFile, dtype: Dtype): readonly string[] {
  const settings = fields['transformers.js_config'];
  const format = isObject(settings) ? settings['use_external_data_format'] : undefined;
  const weights = onnxFile(dtype);
  const name = weights.slice(weights.indexOf('/') + 1);
  const value = (isObject(format) ? (format[name] ?? format['model']) : format) ?? 0;
  const count = Number(value);
  if (!Number.isSafeInteger(count) || count < 0 || count > maxDataFiles) {
    const expected = `a number up to ${maxDataFiles}`;
    throw refuse('field', { file, field: 'use_external_data_format', value: shown(value), expected });
  }
  return Array.from({ length: count }, (_, index) => `${weights}_data${index === 0 ? '' : `_${index}`}`);
}

const pieceBytes = 2 ** 20;

/** @param onBytes  Called with each chunk's number of bytes. @returns 64 hex digits */
export async function sha256OfFile(path: string, onBytes: (count: number) => void): Promise<string> {
  const hash = createHash('sha256');
  await using file = await open(path);
  // The next piece is read while one is hashed. A stream would allocate a buffer for each.
  const read = async (buffer: Buffer): Promise<Buffer> => buffer.subarray(0, (await file.read(buffer)).bytesRead);
  let [buffer, other] = [Buffer.alloc(pieceBytes), Buffer.alloc(pieceBytes)];
  let piece = await read(buffer);
  while (piece.length > 0) {
    const next = read(other);
    hash.update(piece);
    onBytes(piece.length);
    piece = await next;
    [buffer, other] = [other, buffer];
  }
  return hash.digest('hex');
}
