/**
 * A model of more than 2 GiB: one tensor, the offsets in its files and the addresses in memory exceed 31 bits. It is
 * the position table that is large, because it costs no time. A model with the same weights and fewer positions must
 * compute the same.
 */
import { cp, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeGpt2Folder } from '@prosemill/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeModel } from '../../models/describe-model.ts';
import { openDecoder } from '../open-decoder.ts';

const [width, positions, manyPositions] = [256, 320, 2_200_000];
const config = { n_layer: 1, n_head: 4, n_embd: width, n_positions: positions };
const table = 'transformer.wpe.weight';
const ids = Array.from({ length: 300 }, (_, place) => (place * 17 + place * place) % 257);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prosemill-large-'));
});
afterAll(async () => await rm(folder, { recursive: true }));

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Copies a model, with more positions, which are zeros: a hole in the file. The other tensors come behind them. */
async function addPositions(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
  const small = JSON.parse(await readFile(join(from, 'config.json'), 'utf8')) as object;
  await writeFile(join(to, 'config.json'), JSON.stringify({ ...small, n_positions: manyPositions }));
  const bytes = await readFile(join(from, 'model.safetensors'));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: _, ...entries } = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, Entry>;
  const tableBytes = 4 * width * manyPositions;
  const moved = Object.entries(entries).map(
    ([
      name,
      {
        data_offsets: [begin, end],
        ...entry
      },
    ]): [string, Entry] =>
      name === table
        ? [name, { ...entry, shape: [manyPositions, width], data_offsets: [0, tableBytes] }]
        : [name, { ...entry, data_offsets: [tableBytes + begin, tableBytes + end] }],
  );
  const header = Buffer.from(JSON.stringify(Object.fromEntries(moved)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await using file = await open(join(to, 'model.safetensors'), 'w');
  await file.write(Buffer.concat([length, header]), 0, null, 0);
  const [begin, end] = entries[table]?.data_offsets ?? [0, 0];
  await file.write(bytes.subarray(start + begin, start + end), 0, null, 8 + header.length);
  await file.write(bytes.subarray(start), 0, null, 8 + header.length + tableBytes);
}

/** The candidates after each of the tokens, of the weights that are prepared and stored first. */
async function candidatesOf(model: string): Promise<readonly number[]> {
  const described = await describeModel(model, ['batched'], 'int8');
  if (described.shape === null) throw new TypeError('not a GPT-2 model');
  const decoder = await openDecoder({
    model: { ...described, shape: described.shape },
    format: 'int8',
    modelDir: join(model, 'cache'),
    options: { threads: 2, texts: 1, rows: 60, wanted: 60 },
    onProgress: () => undefined,
  });
  const text = decoder.pages.add(ids.length);
  const found: number[] = [];
  for (const size of [1, 2, 57, 60, 60, 60, 60]) {
    const piece = ids.slice(text.length, text.length + size);
    const { topIds, topValues } = await decoder.step([{ text, ids: piece, wanted: piece.length }]);
    found.push(...topIds, ...topValues);
  }
  await decoder.close();
  return found;
}

it('computes a model of more than 2 GiB', async () => {
  const [small, large] = [join(folder, 'small'), join(folder, 'large')];
  await writeGpt2Folder(small, { config });
  await addPositions(small, large);
  const expected = await candidatesOf(small);
  expect(expected.length).toBe(2 * 64 * ids.length);
  expect(await candidatesOf(large)).toEqual(expected);
});
