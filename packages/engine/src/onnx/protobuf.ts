/** The part of protobuf's wire format that ONNX needs. @see https://protobuf.dev/programming-guides/encoding */

const varintType = 0;
const lengthType = 2;
const fixed32Type = 5;

/** A message under construction. Its fields keep the order in which they are added. */
export class ProtobufMessage {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  int(field: number, value: number): this {
    return this.#add(tag(field, varintType), varint(BigInt(value)));
  }

  float(field: number, value: number): this {
    return this.#add(tag(field, fixed32Type), new Uint8Array(Float32Array.of(value).buffer));
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** The bytes are not copied before `finish`. */
  bytes(field: number, value: Uint8Array): this {
    return this.#add(tag(field, lengthType), varint(BigInt(value.byteLength)), value);
  }

  message(field: number, value: ProtobufMessage): this {
    return this.#add(tag(field, lengthType), varint(BigInt(value.#length)), ...value.#parts);
  }

  finish(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#length);
    let position = 0;
    for (const part of this.#parts) {
      all.set(part, position);
      position += part.byteLength;
    }
    return all;
  }

  #add(...parts: Uint8Array[]): this {
    for (const part of parts) {
      this.#parts.push(part);
      this.#length += part.byteLength;
    }
    return this;
  }
}

const tag = (field: number, wireType: number): Uint8Array => varint(BigInt((field << 3) | wireType));

/** Seven bits for each byte, lowest first. Negative numbers are in 64-bit two's complement. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const more = rest > 0x7fn;
    bytes.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}
