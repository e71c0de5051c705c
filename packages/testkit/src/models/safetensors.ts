/**
 * Writes safetensors files.
 * @see https://github.com/huggingface/safetensors#format
 */

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

const encoders = {
  F32: (values: Float32Array) => values,
  F16: (values: Float32Array) => new Float16Array(values),
  /** The upper half of each float32, truncated. */
  BF16: ({ buffer, length }: Float32Array) =>
    new Uint16Array(buffer as ArrayBuffer).filter((_, index) => index % 2 === 1).subarray(0, length),
  F64: (values: Float32Array) => new Float64Array(values),
} as const;

export type SafetensorsDtype = keyof typeof encoders;

/** @returns the bytes of a file with these tensors, in their order */
export function encodeSafetensors(tensors: readonly NamedTensor[], dtype: SafetensorsDtype): Buffer {
  let offset = 0;
  const parts: Buffer[] = [];
  const header = Object.fromEntries(
    tensors.map(({ name, shape, values }) => {
      const data = encoders[dtype](values);
      const begin = offset;
      offset += data.byteLength;
      parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
      return [name, { dtype, shape, data_offsets: [begin, offset] }];
    }),
  );
  const headerBytes = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...header }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerBytes.length));
  return Buffer.concat([length, headerBytes, ...parts]);
}
