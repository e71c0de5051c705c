/**
 * Writes a GGUF file, llama.cpp's format. @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md for its layout
 */

export interface GgufTensor {
  readonly name: string;
  /** Outermost dimension first, for row-major data; GGUF itself lists them in reverse. */
  readonly dims: readonly number[];
  readonly type: keyof typeof tensorTypes;
  readonly data: Float32Array;
}

export type GgufValue =
  | { readonly type: 'uint32' | 'float32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'int32s'; readonly value: readonly number[] };

const tensorTypes = { F32: 0, Q8_0: 8 } as const;
const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const version = 3;
const alignment = 32;
/** The numbers in a block of Q8_0, which share a scale: a block is a float16 and 32 int8. */
const blockLength = 32;
const blockBytes = 2 + blockLength;

/** @returns the bytes of a .gguf file */
export function writeGguf(metadata: Readonly<Record<string, GgufValue>>, tensors: readonly GgufTensor[]): Buffer {
  const entries = Object.entries(metadata);
  const parts = [Buffer.from('GGUF'), uint32(version), uint64(tensors.length), uint64(entries.length)];
  for (const [key, value] of entries) parts.push(string(key), ...valueOf(value));
  const blobs = tensors.map(({ type, data }) => (type === 'F32' ? bytesOf(data) : quantizeQ8(data)));
  let offset = 0;
  for (const [index, { name, dims, type }] of tensors.entries()) {
    parts.push(string(name), uint32(dims.length), ...dims.toReversed().map(uint64));
    parts.push(uint32(tensorTypes[type]), uint64(offset));
    offset += aligned(blobs[index]?.length ?? 0);
  }
  const head = Buffer.concat(parts);
  return Buffer.concat([head, padding(head.length), ...blobs.flatMap((blob) => [blob, padding(blob.length)])]);
}

/**
 * Quantizes like llama.cpp's Q8_0: the largest of each 32 numbers becomes ±127.
 * @param values  A multiple of 32 numbers.
 */
export function quantizeQ8(values: Float32Array): Buffer {
  const blocks = values.length / blockLength;
  const bytes = Buffer.alloc(blocks * blockBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let block = 0; block < blocks; block += 1) {
    const from = block * blockLength;
    let largest = 0;
    for (let index = from; index < from + blockLength; index += 1)
      largest = Math.max(largest, Math.abs(values[index] ?? 0));
    const scale = largest / 127;
    view.setFloat16(block * blockBytes, scale, true);
    for (let index = 0; index < blockLength; index += 1) {
      const quotient = scale === 0 ? 0 : (values[from + index] ?? 0) / scale;
      view.setInt8(block * blockBytes + 2 + index, Math.round(quotient));
    }
  }
  return bytes;
}

function valueOf(entry: GgufValue): readonly Buffer[] {
  switch (entry.type) {
    case 'uint32':
      return [uint32(valueTypes.uint32), uint32(entry.value)];
    case 'float32':
      return [uint32(valueTypes.float32), bytesOf(Float32Array.of(entry.value))];
    case 'bool':
      return [uint32(valueTypes.bool), Buffer.from([Number(entry.value)])];
    case 'string':
      return [uint32(valueTypes.string), string(entry.value)];
    case 'strings':
      return [...arrayHead(valueTypes.string, entry.value.length), ...entry.value.map(string)];
    case 'int32s':
      return [...arrayHead(valueTypes.int32, entry.value.length), bytesOf(Int32Array.from(entry.value))];
    default:
      return entry satisfies never;
  }
}

const arrayHead = (type: number, length: number): readonly Buffer[] => [
  uint32(valueTypes.array),
  uint32(type),
  uint64(length),
];

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Int32Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

const aligned = (length: number): number => Math.ceil(length / alignment) * alignment;
const padding = (length: number): Buffer => Buffer.alloc(aligned(length) - length);
