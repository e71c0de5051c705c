/** Reads a safetensors file. @see https://github.com/huggingface/safetensors#format */
import { type FileHandle, open } from 'node:fs/promises';
import { errorLine } from '@prosemill/core';
import { isObject } from '../models/model-json.ts';
import { refuse } from '../models/model-refusals.ts';

export interface TensorInfo {
  readonly shape: readonly number[];
  /** F64, F32, F16 or BF16 can be read. */
  readonly dtype: string;
}

export interface SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Reads a tensor's values, row-major, as float32: exact, except that float64 is rounded.
   * @throws {RangeError} for an unknown name
   * @throws {AppError} `engine_unavailable` for a number format that cannot be read
   */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

interface Entry extends TensorInfo {
  /** Offsets in bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/** Real headers have a few kilobytes. A file with a longer header than this is not a safetensors file. */
const maxHeaderBytes = 100e6;
const lengthBytes = 8;

const elementBytes: Readonly<Record<string, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2 };

/** @throws {AppError} `engine_unavailable` when the file is not a safetensors file or is cut off */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { tensors, dataStart } = await readHeader(file, size).catch((cause: unknown) => {
      throw refuse('not-safetensors', { file: path, reason: errorLine(cause) });
    });
    const expected = dataStart + Math.max(0, ...[...tensors.values()].map(({ end }) => end));
    if (size < expected) throw refuse('cut-off', { file: path, bytes: size, expected });
    return {
      path,
      tensors,
      async read(name) {
        const entry = tensors.get(name);
        if (entry === undefined) throw new RangeError(`${path} has no tensor ${name}.`);
        const { dtype: format, begin, end } = entry;
        if (!(format in elementBytes)) throw refuse('tensor-format', { file: path, tensor: name, format });
        return toFloat32(await readBytes(file, dataStart + begin, end - begin), format);
      },
      close: async () => await file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(
  file: FileHandle,
  size: number,
): Promise<{ readonly tensors: ReadonlyMap<string, Entry>; readonly dataStart: number }> {
  if (size < lengthBytes) throw new RangeError('it is too short');
  const headerBytes = Number((await readBytes(file, 0, lengthBytes)).readBigUInt64LE());
  if (headerBytes > Math.min(maxHeaderBytes, size - lengthBytes)) throw new RangeError('its header is too long');
  const header: unknown = JSON.parse((await readBytes(file, lengthBytes, headerBytes)).toString());
  if (!isObject(header)) throw new RangeError('its header is not an object');
  const { __metadata__: _metadata, ...entries } = header;
  const tensors = new Map(Object.entries(entries).map(([name, entry]) => [name, checkedEntry(name, entry)]));
  return { tensors, dataStart: lengthBytes + headerBytes };
}

/** Checks a header entry, except the length of an unknown number format. */
function checkedEntry(name: string, value: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = isObject(value) ? value : {};
  if (typeof dtype === 'string' && areSizes(shape) && areSizes(offsets) && offsets.length === 2) {
    const [begin = 0, end = 0] = offsets;
    const bytes = shape.reduce((product, length) => product * length, elementBytes[dtype] ?? 0);
    if (begin <= end && (!(dtype in elementBytes) || end - begin === bytes)) return { dtype, shape, begin, end };
  }
  throw new RangeError(`the entry of ${name} does not fit its data`);
}

const areSizes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);

async function readBytes(file: FileHandle, position: number, length: number): Promise<Buffer> {
  // The memory is not from Buffer's pool: toFloat32 views all of it with larger elements, which must be aligned.
  const buffer = Buffer.from(new ArrayBuffer(length));
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) throw new RangeError('The file is shorter than its header says.');
    done += bytesRead;
  }
  return buffer;
}

function toFloat32({ buffer }: Buffer, dtype: string): Float32Array {
  switch (dtype) {
    case 'F64':
      return new Float32Array(new Float64Array(buffer));
    case 'F32':
      return new Float32Array(buffer);
    case 'F16':
      return new Float32Array(new Float16Array(buffer));
    case 'BF16':
      return new Float32Array(new Uint32Array(new Uint16Array(buffer)).map((half) => half << 16).buffer);
    default:
      throw new RangeError(`Tensors of type ${dtype} cannot be read.`);
  }
}
