/** A model's identity covers everything that affects its texts. */
import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Gpt2FolderOptions, smallGpt2Config, startHubServer } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { partsFileOf } from '../families/open-decoder.ts';
import { describeModel } from './describe-model.ts';
import { type ResolvedModel, resolveModel } from './resolve-model.ts';
import { createTestFolders } from './test-folders.ts';

const folders = createTestFolders();
const { write, run } = folders;

const common = { revision: undefined, engine: 'batched', dtype: 'fp32', hubEndpoint: 'http://not.used' } as const;

const replaced = async (folder: string, path: string, from: string, to: string): Promise<void> => {
  const text = await readFile(join(folder, path), 'utf8');
  expect(text).toContain(from);
  await writeFile(join(folder, path), text.replace(from, to));
};

describe('a folder whose files are changed between two starts', () => {
  it.each([
    ['layer_norm_epsilon', '"layer_norm_epsilon": 0.00001', '"layer_norm_epsilon": 0.5'],
    ['n_head', '"n_head": 2', '"n_head": 4'],
  ])('writes the text of the new %s, under another fingerprint and revision', async (_name, from, to) => {
    const folder = await write('changed');
    const before = await run(folder);
    await replaced(folder, 'config.json', from, to);
    const after = await run(folder);
    expect(after.text).not.toBe(before.text);
    expect(after.loaded?.identity.fingerprint).not.toBe(before.loaded?.identity.fingerprint);
    expect(after.loaded?.record.revision).not.toBe(before.loaded?.record.revision);
    await replaced(folder, 'config.json', to, from);
    expect(await run(folder)).toEqual(before);
  });

  it('writes a text with one layer fewer', async () => {
    const folder = await write('smaller');
    await run(folder);
    await replaced(folder, 'config.json', '"n_layer": 2', '"n_layer": 1');
    await expect(run(folder)).resolves.toMatchObject({ ending: { reason: expect.stringMatching(/stop|length/) } });
  });
});

const checksum = async (folder: string): Promise<string> => (await describeModel(folder, ['batched'], 'fp32')).checksum;

describe('the checksum', () => {
  it.each<[string, Gpt2FolderOptions]>([
    ['file of weights', { seed: 2 }],
    ['epsilon', { config: { layer_norm_epsilon: 1e-6 } }],
    ['number of heads', { config: { n_head: 1 } }],
    ['number of positions', { config: { n_positions: 64 } }],
    ['end of text', { files: { 'generation_config.json': { eos_token_id: [0, 7] } } }],
    ['end of text in config.json', { config: { eos_token_id: 5 }, files: { 'generation_config.json': null } }],
    ['setting of the tokenizer', { files: { 'tokenizer_config.json': { add_bos_token: true } } }],
  ])('changes with another %s', async (name, options) => {
    expect(await checksum(await write(name, options))).not.toBe(await checksum(await write('base')));
  });

  it('changes with another tokenizer', async () => {
    const [folder, other] = [await write('base'), await write('other')];
    await replaced(other, 'tokenizer.json', '"Ġt"', '"ĠT"');
    expect(await checksum(other)).not.toBe(await checksum(folder));
  });

  it('ignores everything that affects no text', async () => {
    const folder = await write('base');
    const reordered = Object.fromEntries(Object.entries(smallGpt2Config).toReversed());
    const other = await write('other', {
      files: {
        'config.json': JSON.stringify({ ...reordered, n_inner: null, transformers_version: '9', attn_pdrop: 0.5 }),
        'generation_config.json': { eos_token_id: [0], temperature: 0.2 },
        'README.md': 'About it',
      },
    });
    expect(await checksum(other)).toBe(await checksum(folder));
  });
});

/** Leaves the token table without bytes, and everything else as it is. */
async function emptyTokens(file: string): Promise<void> {
  const bytes = await readFile(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<string, { data_offsets: number[] }>;
  const { tokens } = header;
  expect(tokens?.data_offsets.length).toBe(2);
  if (tokens !== undefined) tokens.data_offsets[1] = tokens.data_offsets[0] ?? 0;
  bytes.write(JSON.stringify(header).padEnd(length), 8);
  await writeFile(file, bytes);
}

describe('stored int8 parts', () => {
  it.each([
    ['of a model of another shape', async (file: string) => await rename(file, `${file}.other`)],
    ['that are cut off', async (file: string) => await writeFile(file, (await readFile(file)).subarray(0, -9))],
    ['with a short token table', emptyTokens],
    ['that are empty', async (file: string) => await writeFile(file, '')],
  ])('%s are not opened but prepared anew', async (name, damage) => {
    const folder = await write('base');
    const expected = await run(folder, { dtype: 'int8' });
    const stored = partsFileOf(folders.modelDir, await describeModel(folder, ['batched'], 'fp32'));
    await damage(stored);
    if (name.includes('shape')) {
      const larger = await write('larger', { config: { n_embd: 32, n_layer: 3 } });
      await run(larger, { dtype: 'int8' });
      await cp(partsFileOf(folders.modelDir, await describeModel(larger, ['batched'], 'fp32')), stored);
    }
    expect(await run(folder, { dtype: 'int8' })).toEqual(expected);
    expect((await readFile(stored)).length).toBeGreaterThan(10_000);
  });
});

describe('a download', () => {
  const commit = '0123456789abcdef0123456789abcdef01234567';

  it('with changed files has another revision than the commit', async () => {
    const hub = await startHubServer({ repositories: { 'acme/small': await write('small') }, commit });
    onTestFinished(async () => await hub.stop());
    const resolve = async (): Promise<ResolvedModel> =>
      await resolveModel(
        { ...common, model: 'acme/small', modelDir: folders.modelDir, hubEndpoint: hub.url },
        { signal: new AbortController().signal, onProgress: () => undefined },
      );
    const before = await resolve();
    expect(before.revision).toBe(commit);
    await replaced(before.folder, 'tokenizer.json', '"Ġt"', '"ĠT"');
    const after = await resolve();
    expect(after.revision).toBe(`${commit}+${after.checksum.slice(0, 12)}`);
    expect(after.checksum).not.toBe(before.checksum);
  });
});
