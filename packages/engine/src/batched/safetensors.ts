/** Reads a safetensors file. @see https://github.com/huggingface/safetensors#format */
import { type FileHandle, open } from 'node:fs/promises';

export interface TensorInfo {
  readonly shape: readonly number[];
  /** F32, F16 or BF16 can be read. */
  readonly dtype: string;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * A tensor's values, row-major, as float32: exact, since every float16 and bfloat16 is a float32.
   * @throws {RangeError} for an unknown name, another number format, or a file that is too short
   */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

interface Entry extends TensorInfo {
  readonly data_offsets: readonly [begin: number, end: number];
}

/** A header is a few kilobytes; anything near this is no safetensors file. */
const maxHeaderBytes = 100e6;

/** @throws {RangeError} when the file is none of this format */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path);
  try {
    const headerBytes = Number((await readBytes(file, 0, 8)).readBigUInt64LE());
    if (headerBytes > maxHeaderBytes) throw new RangeError(`${path} is no safetensors file.`);
    const header = JSON.parse((await readBytes(file, 8, headerBytes)).toString()) as Record<string, Entry>;
    const { __metadata__: _metadata, ...entries } = header;
    const tensors = new Map(Object.entries(entries));
    return {
      tensors,
      async read(name) {
        const entry = tensors.get(name);
        if (entry === undefined) throw new RangeError(`${path} has no tensor ${name}.`);
        const [begin, end] = entry.data_offsets;
        return toFloat32(await readBytes(file, 8 + headerBytes + begin, end - begin), entry.dtype);
      },
      close: async () => await file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readBytes(file: FileHandle, position: number, length: number): Promise<Buffer> {
  // Its own memory, so that a view of other element sizes is aligned.
  const buffer = Buffer.from(new ArrayBuffer(length));
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) throw new RangeError('The file is shorter than its header says.');
    done += bytesRead;
  }
  return buffer;
}

function toFloat32(bytes: Buffer, dtype: string): Float32Array {
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes.buffer);
    case 'F16':
      return new Float32Array(new Float16Array(bytes.buffer));
    case 'BF16': {
      const halves = new Uint16Array(bytes.buffer);
      const wide = new Uint32Array(halves.length);
      for (let index = 0; index < halves.length; index += 1) wide[index] = (halves[index] ?? 0) << 16;
      return new Float32Array(wide.buffer);
    }
    default:
      throw new RangeError(`Tensors of type ${dtype} cannot be read.`);
  }
}
