/** Reads and describes safetensors files. @see https://github.com/huggingface/safetensors#format */
import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errorLine } from '@prosemill/core';
import { isObject, type JsonObject } from '../models/model-json.ts';
import { refuse } from '../models/model-refusals.ts';

export interface TensorInfo {
  readonly shape: readonly number[];
  /** F64, F32, F16 or BF16 can be read. */
  readonly dtype: string;
  /** Offsets in bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, unknown>>;
  /**
   * Reads a tensor's values, row-major, as float32: exact, except that float64 is rounded.
   * @throws {RangeError} for an unknown name
   * @throws {AppError} `engine_unavailable` for a number format that cannot be read
   */
  read(name: string): Promise<Float32Array>;
  /**
   * Fills `target` with a tensor's bytes from `from` on, in any number format.
   * @throws {RangeError} for an unknown name, or a tensor that has fewer bytes
   */
  readBytes(name: string, target: Uint8Array, from: number): Promise<void>;
  /** Like `readBytes`, but blocks. */
  readBytesSync(name: string, target: Uint8Array, from: number): void;
  close(): Promise<void>;
}

/** Real headers have a few kilobytes. A file with a longer header than this is not a safetensors file. */
const maxHeaderBytes = 100e6;
const lengthBytes = 8;
/** Node reads less than 2 GiB at once. */
const maxReadBytes = 2 ** 30;

const elementBytes: ReadonlyMap<string, number> = new Map(Object.entries({ F64: 8, F32: 4, F16: 2, BF16: 2 }));

/** @throws {AppError} `engine_unavailable` when the file is not a safetensors file or is cut off */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { tensors, metadata, dataStart } = await readHeader(file, size).catch((cause: unknown) => {
      throw refuse('not-safetensors', { file: path, reason: errorLine(cause) });
    });
    const expected = dataStart + Math.max(0, ...[...tensors.values()].map(({ end }) => end));
    if (size < expected) throw refuse('cut-off', { file: path, bytes: size, expected });
    const entryOf = (name: string): TensorInfo => {
      const entry = tensors.get(name);
      if (entry === undefined) throw new RangeError(`${path} has no tensor ${name}.`);
      return entry;
    };
    const placeOf = (name: string, { length }: Uint8Array, from: number): number => {
      const { begin, end } = entryOf(name);
      if (from + length > end - begin) throw new RangeError(`${path} has another size of ${name}.`);
      return dataStart + begin + from;
    };
    return {
      path,
      tensors,
      metadata,
      async read(name) {
        const { dtype: format, begin, end } = entryOf(name);
        if (!elementBytes.has(format)) throw refuse('tensor-format', { file: path, tensor: name, format });
        return toFloat32(await bytesAt(file, dataStart + begin, end - begin), format);
      },
      async readBytes(name, target, from) {
        await fill(file, placeOf(name, target, from), target);
      },
      readBytesSync(name, target, from) {
        const read = readSync(file.fd, target, 0, target.length, placeOf(name, target, from));
        if (read !== target.length) throw new RangeError(`${path} has become shorter.`);
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
): Promise<{
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: JsonObject;
  readonly dataStart: number;
}> {
  if (size < lengthBytes) throw new RangeError('it is too short');
  const headerBytes = Number(new DataView(await bytesAt(file, 0, lengthBytes)).getBigUint64(0, true));
  if (headerBytes > Math.min(maxHeaderBytes, size - lengthBytes)) throw new RangeError('its header is too long');
  const header: unknown = JSON.parse(Buffer.from(await bytesAt(file, lengthBytes, headerBytes)).toString());
  if (!isObject(header)) throw new RangeError('its header is not an object');
  const { __metadata__: metadata, ...entries } = header;
  const tensors = new Map(Object.entries(entries).map(([name, entry]) => [name, checkedEntry(name, entry)]));
  return { tensors, metadata: isObject(metadata) ? metadata : {}, dataStart: lengthBytes + headerBytes };
}

/** Checks a header entry, except the length of an unknown number format. */
function checkedEntry(name: string, value: unknown): TensorInfo {
  const { dtype, shape, data_offsets: offsets } = isObject(value) ? value : {};
  if (typeof dtype === 'string' && areSizes(shape) && areSizes(offsets) && offsets.length === 2) {
    const [begin = 0, end = 0] = offsets;
    const bytes = shape.reduce((product, length) => product * length, elementBytes.get(dtype) ?? 0);
    if (begin <= end && (!elementBytes.has(dtype) || end - begin === bytes)) return { dtype, shape, begin, end };
  }
  throw new RangeError(`the entry of ${name} does not fit its data`);
}

const areSizes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);

async function bytesAt(file: FileHandle, position: number, length: number): Promise<ArrayBuffer> {
  const bytes = new ArrayBuffer(length);
  await fill(file, position, new Uint8Array(bytes));
  return bytes;
}

async function fill(file: FileHandle, position: number, target: Uint8Array): Promise<void> {
  for (let done = 0; done < target.length;) {
    const length = Math.min(target.length - done, maxReadBytes);
    const { bytesRead } = await file.read(target, done, length, position + done);
    if (bytesRead === 0) throw new RangeError('The file is shorter than its header says.');
    done += bytesRead;
  }
}

function toFloat32(buffer: ArrayBuffer, dtype: string): Float32Array {
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

/** The beginning of a safetensors file of bytes, which follow it in the same order. */
export function safetensorsHeader(
  tensors: ReadonlyMap<string, Uint8Array>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let begin = 0;
  for (const [name, { length }] of tensors) {
    header[name] = { dtype: 'U8', shape: [length], data_offsets: [begin, begin + length] };
    begin += length;
  }
  // The specification allows spaces behind the header, so that the data are aligned.
  const text = JSON.stringify(header);
  const bytes = Buffer.from(text.padEnd(Math.ceil(text.length / lengthBytes) * lengthBytes));
  const length = Buffer.alloc(lengthBytes);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}
