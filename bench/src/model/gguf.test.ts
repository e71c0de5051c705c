import { describe, expect, it } from 'vitest';
import { quantizeQ8, writeGguf } from './gguf.ts';

describe('Q8_0', () => {
  it('has one scale for each block of 32 numbers, and maps the largest of them to ±127', () => {
    const values = new Float32Array(64);
    values.set([1, -2, 0.5], 0);
    values.set([100], 32);
    const bytes = quantizeQ8(values);
    expect(bytes).toHaveLength(2 * 34);
    expect([...new Int8Array(bytes.subarray(2, 5))]).toEqual([64, -127, 32]);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(view.getFloat16(0, true)).toBeCloseTo(2 / 127, 4);
    expect(view.getFloat16(34, true)).toBeCloseTo(100 / 127, 3);
    expect(view.getInt8(36)).toBe(127);
  });

  it('keeps zeros as zeros', () => {
    expect([...quantizeQ8(new Float32Array(32))].every((byte) => byte === 0)).toBe(true);
  });
});

describe('a GGUF file', () => {
  it('begins with its counts, lists dimensions innermost first, and aligns each tensor', () => {
    const file = writeGguf({ 'a.b': { type: 'uint32', value: 5 } }, [
      { name: 'x', dims: [1, 3], type: 'F32', data: Float32Array.of(1, 2, 3) },
      { name: 'y', dims: [32], type: 'Q8_0', data: new Float32Array(32).fill(127) },
    ]);
    expect(file.toString('latin1', 0, 4)).toBe('GGUF');
    expect([file.readUInt32LE(4), file.readBigUInt64LE(8), file.readBigUInt64LE(16)]).toEqual([3, 2n, 1n]);
    const x = file.indexOf('x', 24, 'latin1') + 1;
    expect([file.readUInt32LE(x), file.readBigUInt64LE(x + 4), file.readBigUInt64LE(x + 12)]).toEqual([2, 3n, 1n]);
    const data = file.length - 64 - 32;
    expect(data % 32).toBe(0);
    expect(file.readFloatLE(data + 4)).toBe(2);
    // The second tensor begins at the next 32 bytes: a scale of 1, then 127s.
    expect(file.readUInt16LE(data + 32)).toBe(0x3c00);
    expect(file.readInt8(data + 34)).toBe(127);
  });
});
