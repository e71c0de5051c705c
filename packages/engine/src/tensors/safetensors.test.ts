import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSafetensors } from './safetensors.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prosemill-safetensors-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(header: object, data: Uint8Array): Promise<string> {
  const path = join(folder, 'model.safetensors');
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(path, Buffer.concat([length, text, data]));
  return path;
}

const bytesOf = (array: Uint16Array | Float32Array): Buffer => Buffer.from(array.buffer);

describe('safetensors', () => {
  it('converts every number format to float32 exactly', async () => {
    const halves = bytesOf(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff)); // 1, −2, 2^−24, 65504
    const brains = bytesOf(Uint16Array.of(0x3f80, 0xc040)); // 1, −3
    const floats = bytesOf(Float32Array.of(0.1, -7));
    const path = await write(
      {
        __metadata__: { format: 'pt' },
        half: { dtype: 'F16', shape: [2, 2], data_offsets: [0, 8] },
        brain: { dtype: 'BF16', shape: [2], data_offsets: [8, 12] },
        float: { dtype: 'F32', shape: [2], data_offsets: [12, 20] },
      },
      Buffer.concat([halves, brains, floats]),
    );
    const file = await openSafetensors(path);
    expect([...file.tensors.keys()]).toEqual(['half', 'brain', 'float']);
    expect([...(await file.read('half'))]).toEqual([1, -2, 2 ** -24, 65_504]);
    expect([...(await file.read('brain'))]).toEqual([1, -3]);
    expect([...(await file.read('float'))]).toEqual([Math.fround(0.1), -7]);
    await expect(file.read('none')).rejects.toThrow('has no tensor none');
    await file.close();
  });

  it('reads float64, rounded', async () => {
    const path = await write(
      { a: { dtype: 'F64', shape: [2], data_offsets: [0, 16] } },
      Buffer.from(Float64Array.of(0.1, -7).buffer),
    );
    const file = await openSafetensors(path);
    expect([...(await file.read('a'))]).toEqual([Math.fround(0.1), -7]);
    await file.close();
  });

  const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };

  it.each([
    ['whose data is cut off', { a: entry }, 4, 'has 66 bytes, but its header describes 70'],
    ['whose header is a list', [], 0, 'is not a safetensors file: its header is not an object'],
    ['with an entry that is a number', { a: 7 }, 0, 'is not a safetensors file: the entry of a does not fit its data'],
    ['with more data than its shape', { a: { ...entry, shape: [1] } }, 8, 'the entry of a does not fit its data'],
    ['with an odd shape', { a: { ...entry, shape: [-1, -2] } }, 8, 'the entry of a does not fit its data'],
    ['that begins after its end', { a: { ...entry, data_offsets: [8, 0] } }, 8, 'the entry of a does not fit its data'],
  ])('refuses a file %s', async (_name, header, bytes, words) => {
    await expect(openSafetensors(await write(header, Buffer.alloc(bytes)))).rejects.toMatchObject({
      code: 'engine_unavailable',
      message: expect.stringContaining(words),
    });
  });

  it.each(['I64', 'toString'])('refuses the number format %s when the tensor is read', async (dtype) => {
    const odd = await openSafetensors(await write({ a: { ...entry, dtype } }, Buffer.alloc(8)));
    await expect(odd.read('a')).rejects.toThrow(
      `a has the number format ${dtype}, but F64, F32, F16 or BF16 is expected`,
    );
    await odd.close();
  });

  it.each(['', 'short', 'GGUF and something else that is not a safetensors file at all'])(
    'refuses a file of %o',
    async (content) => {
      const path = join(folder, 'other');
      await writeFile(path, content);
      await expect(openSafetensors(path)).rejects.toThrow('other is not a safetensors file');
    },
  );
});
