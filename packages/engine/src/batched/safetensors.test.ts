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
  it('gives every number format as float32, exactly', async () => {
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

  it('refuses a file that is cut off, another format and unknown numbers', async () => {
    const header = { a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } };
    const cut = await openSafetensors(await write(header, Buffer.alloc(4)));
    await expect(cut.read('a')).rejects.toThrow('shorter than its header says');
    await cut.close();
    const odd = await openSafetensors(await write({ a: { ...header.a, dtype: 'I64' } }, Buffer.alloc(8)));
    await expect(odd.read('a')).rejects.toThrow('type I64');
    await odd.close();
    const path = join(folder, 'other');
    await writeFile(path, 'GGUF and something else that is no safetensors file at all');
    await expect(openSafetensors(path)).rejects.toThrow('is no safetensors file');
  });
});
