/** Engines, number formats, and the names of their files. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
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

/** @param onBytes  Called with each chunk's number of bytes. @returns 64 hex digits */
export async function sha256OfFile(path: string, onBytes: (count: number) => void): Promise<string> {
  const hash = createHash('sha256');
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 2 ** 20 });
  for await (const chunk of chunks) {
    hash.update(chunk);
    onBytes(chunk.length);
  }
  return hash.digest('hex');
}
