/**
 * int8 computes the same on other CPUs, which QEMU emulates: equal prepared weights, logits of the same bits, and the
 * same texts, also where tokens are drawn. In fp32 the beginnings of golden texts are the same, although the last bits
 * of onnxruntime's float products may differ.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type GoldenTokens, type Program, programOfDebian, programOnPath, writeGpt2Folder } from '@prosemill/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decoderVersion } from '../decoder/decoder-version.ts';
import { type Arm64Node, installArm64Node } from './test-arm64.ts';

const script = fileURLToPath(new URL('test-other-machine.ts', import.meta.url));
const goldenFile = new URL('../../../../models/tiny-tales/golden.json', import.meta.url);
const run = promisify(execFile);
/** An emulated machine computes for a minute or two, and longer beside other tests. */
const emulated = { timeout: 600_000 } as const;

let folder: string;
let emulator: Program;
let arm64Node: Arm64Node;
let expected: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prosemill-machines-'));
  await writeGpt2Folder(folder, {
    config: { n_embd: 60, n_head: 5, n_inner: 100, vocab_size: 301, n_positions: 150 },
  });
  const found =
    (await programOnPath(['qemu-x86_64'])) ??
    (await programOfDebian({ packages: ['qemu-user'], binary: 'bin/qemu-x86_64' }));
  if (found === null) throw new Error('This test needs qemu-x86_64: install it, or have a Debian with apt-get.');
  emulator = found;
  arm64Node = await installArm64Node(join(folder, 'arm64'));
  ({ stdout: expected } = await run(process.execPath, [script, folder, '2']));
});
afterAll(async () => await rm(folder, { recursive: true }));

it('computes the int8 of its version: another digest needs another version', () => {
  const int8 = expected.split('\n').filter((line) => !line.includes('fp32'));
  const digest = createHash('sha256').update(int8.join('\n')).digest('hex');
  expect({ decoderVersion, digest }).toEqual({
    decoderVersion: '10',
    digest: 'db70cd34ed81d433044b12858ed927a7846ecb12bfd3a355dd0efcc14a01292c',
  });
});

it('computes the same by its own products and by those of onnxruntime', () => {
  const [, own, rented] = expected.split('\n');
  expect(own).toMatch(/^logits [0-9a-f]{64}$/);
  expect(rented).toBe(own);
});

it('computes the golden texts in fp32, as far as it computes them', async () => {
  const { cases } = JSON.parse(await readFile(goldenFile, 'utf8')) as GoldenTokens;
  const fp32 = expected.split('\n').at(-2) ?? '';
  const { generated } = JSON.parse(fp32) as { readonly generated: readonly (readonly number[])[] };
  expect(generated).toEqual(generated.map(({ length }, index) => cases[index]?.greedy_ids.slice(0, length)));
  expect(generated.flat().length).toBe(40);
});

it.each([
  ['x86-64 without AVX512 and VNNI', 'Haswell'],
  ['x86-64 without AVX', 'Nehalem'],
])('computes the same on %s', emulated, async (_name, cpu) => {
  const { stdout } = await run(emulator.command, ['-cpu', cpu, process.execPath, script, folder, '1'], {
    env: { ...process.env, ...emulator.env },
  });
  expect(stdout).toBe(expected);
});

const armv8 = 'fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid';
const withDotProducts = `${armv8} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp`;

it.each([
  ['without dot products', { name: 'cortex-a72', features: armv8, part: '0xd08' }],
  ['with dot products', { name: 'neoverse-n1', features: withDotProducts, part: '0xd0c' }],
  ['with products of matrices and SVE', { name: 'max', features: `${withDotProducts} sve i8mm`, part: '0xd40' }],
])('computes the same on arm64 %s', emulated, async (_name, cpu) => {
  expect(await arm64Node(cpu, [script, folder, '1'])).toBe(expected);
});
