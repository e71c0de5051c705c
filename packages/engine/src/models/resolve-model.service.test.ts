/** Resolves and downloads models from a server with the hub's paths. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadPhase } from '@prosemill/core';
import { type HubServer, startHubServer } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { validityOf, qualityLimits, readQualityReport, storeQualityReport } from '../quality/quality-report.ts';
import { type ModelChoice, type ResolvedModel, resolveModel } from './resolve-model.ts';

const tinyTales = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));
const weights = 'model.safetensors';
const weightsSize = 11_844_840;
const commit = '0123456789abcdef0123456789abcdef01234567';

let hub: HubServer;
let modelDir: string;
/** The reported progress, by phase. */
let phases: Partial<Record<LoadPhase, [done: number, total: number][]>>;

beforeEach(async () => {
  // Under distilgpt2's name the server sends wrong bytes, like a broken or malicious mirror.
  const distilgpt2 = { 'distilbert/distilgpt2': tinyTales, 'Xenova/distilgpt2': tinyTales };
  hub = await startHubServer({ repositories: { 'acme/tiny': tinyTales, ...distilgpt2 }, commit });
  modelDir = await mkdtemp(join(tmpdir(), 'prosemill-models-'));
  phases = {};
});
afterEach(async () => {
  await hub.stop();
  await rm(modelDir, { recursive: true });
});

async function resolve(choice: Partial<ModelChoice>, signal = new AbortController().signal): Promise<ResolvedModel> {
  const all = {
    model: undefined,
    revision: undefined,
    engine: 'auto',
    dtype: 'fp32',
    modelDir,
    hubEndpoint: hub.url,
    ...choice,
  } as const;
  return await resolveModel(all, {
    signal,
    onProgress: (phase, done, total) => void (phases[phase] ??= []).push([done, total]),
  });
}

/** The entries of the models folder that belong to no complete download. */
const leftovers = async (): Promise<string[]> => (await readdir(modelDir)).filter((name) => name.startsWith('.'));

describe('the engine', () => {
  it('cannot be batched in a number format that batched does not have', async () => {
    await expect(resolve({ model: 'shipped', engine: 'batched', dtype: 'q8' })).rejects.toMatchObject({
      code: 'engine_unavailable',
      message: 'the engine batched computes in fp32 or int8, not in q8',
    });
  });

  it('is transformers for a GPT-2 model that has ONNX files only', async () => {
    const folder = join(modelDir, 'onnx-only');
    await cp(tinyTales, folder, { recursive: true });
    await rm(join(folder, weights));
    const other = await startHubServer({ repositories: { 'acme/onnx-only': folder }, commit });
    const model = await resolve({ model: 'acme/onnx-only', hubEndpoint: other.url });
    await other.stop();
    expect(model.engine).toBe('transformers');
  });
});

describe('a model from the hub', () => {
  it('is downloaded once, with its progress, and then needs no network', async () => {
    const model = await resolve({ model: 'acme/tiny' });
    expect(model).toMatchObject({
      name: 'tiny',
      revision: commit,
      dtype: 'fp32',
      contextLength: 512,
      fallbackReason: null,
    });
    expect(await readFile(join(model.folder, weights))).toEqual(await readFile(join(tinyTales, weights)));
    const [received, total] = phases.downloading?.at(-1) ?? [0, 0];
    expect(received).toBe(total);
    expect(total).toBeGreaterThan(weightsSize);
    expect(phases.downloading?.length).toBeGreaterThan(10);
    expect(new Set(phases.downloading?.map(([, ofTotal]) => ofTotal)).size).toBe(1);
    const [checked, ofTotal] = phases.checking?.at(-1) ?? [0, 0];
    expect(checked).toBe(ofTotal);
    expect(ofTotal).toBeGreaterThan(weightsSize);
    expect(phases.checking?.length).toBeGreaterThan(10);
    expect(await leftovers()).toEqual([]);
    await hub.stop();
    expect(await resolve({ model: 'acme/tiny' })).toEqual(model);
  });

  it('can be read by other users than its downloader: an image is built by one user and run by another', async () => {
    const { folder } = await resolve({ model: 'acme/tiny' });
    const any = join(modelDir, 'any');
    await mkdir(any);
    expect((await stat(folder)).mode).toBe((await stat(any)).mode);
  });

  it('has a folder for each engine, with only the files that the engine needs', async () => {
    const batched = await resolve({ model: 'acme/tiny' });
    const transformers = await resolve({ model: 'acme/tiny', engine: 'transformers' });
    expect([batched.engine, transformers.engine]).toEqual(['batched', 'transformers']);
    expect(await readdir(batched.folder)).not.toContain('onnx');
    expect(await readdir(transformers.folder)).not.toContain(weights);
    // Both dtypes of batched use one file of weights.
    expect((await resolve({ model: 'acme/tiny', dtype: 'int8' })).folder).toBe(batched.folder);
    expect((await resolve({ model: 'acme/tiny', engine: 'transformers' })).checksum).not.toBe(batched.checksum);
  });

  it('takes the revision that was asked for, and keeps revisions apart', async () => {
    await resolve({ model: 'acme/tiny', revision: 'refs/pr/1' });
    await resolve({ model: 'acme/tiny', revision: 'v2' });
    expect(hub.requests).toContain('HEAD /acme/tiny/resolve/refs%2Fpr%2F1/config.json');
    expect(hub.requests).toContain('GET /acme/tiny/resolve/v2/config.json');
  });

  it.each(['cut', 'server-error'] as const)('is requested again after a %s', async (fault) => {
    hub.breakNext(weights, fault, 1);
    const model = await resolve({ model: 'acme/tiny' });
    expect((await readFile(join(model.folder, weights))).length).toBe(weightsSize);
  });

  it('is refused and deleted when its bytes do not match the checksum of the hub', async () => {
    hub.breakNext(weights, 'corrupt', 1);
    await expect(resolve({ model: 'acme/tiny' })).rejects.toThrow(
      expect.objectContaining({
        code: 'engine_unavailable',
        cause: expect.objectContaining({ message: expect.stringContaining('checksum') }),
      }),
    );
    expect(await leftovers()).toEqual([]);
    await expect(resolve({ model: 'acme/tiny' })).resolves.toMatchObject({ name: 'tiny' });
  });

  it('does not count as complete after an interrupted download', async () => {
    hub.breakNext(weights, 'stall', 1);
    const stopping = new AbortController();
    const loading = resolve({ model: 'acme/tiny' }, stopping.signal);
    await expect.poll(() => phases.downloading?.at(-1)?.[0] ?? 0).toBeGreaterThan(weightsSize / 3);
    stopping.abort();
    await expect(loading).rejects.toThrow('aborted');
    expect(await leftovers()).toEqual([]);
    expect((await resolve({ model: 'acme/tiny' })).folder).toContain('acme');
  });

  it('deletes old partial downloads of killed processes, but not recent ones', async () => {
    for (const name of ['.partial-old', '.partial-new']) await mkdir(join(modelDir, name));
    const lastWeek = new Date(Date.now() - 7 * 24 * 60 * 60 * 1_000);
    await utimes(join(modelDir, '.partial-old'), lastWeek, lastWeek);
    await resolve({ model: 'acme/tiny' });
    expect(await leftovers()).toEqual(['.partial-new']);
  });

  it('can be downloaded twice at the same time', async () => {
    const [one, two] = await Promise.all([resolve({ model: 'acme/tiny' }), resolve({ model: 'acme/tiny' })]);
    expect(one).toEqual(two);
    expect(await leftovers()).toEqual([]);
  });

  it.each([
    ['acme/nothing', 'acme/nothing is not available', /answered 401: the repository does not exist or needs a login/],
  ])('says why %s is not available', async (model, message, cause) => {
    const expected =
      cause === undefined ? {} : { cause: expect.objectContaining({ message: expect.stringMatching(cause) }) };
    await expect(resolve({ model })).rejects.toThrow(expect.objectContaining({ message, ...expected }));
  });

  it.each([
    './tiny',
    '../tiny',
    '/tiny',
    '~/tiny',
    'no such thing!',
    'a/b/c',
    'acme/-tiny',
    'acme-/tiny',
    'acme/tiny.',
    'acme/ti--ny',
    'acme/ti..ny',
    'acme/tiny.git',
    'x'.repeat(97),
  ])('looks for %s on the disk only, and says where', async (model) => {
    const whole = resolvePath(model);
    const message = `MODEL is "${model}", which names a folder that is not there: ${whole}`;
    await expect(resolve({ model })).rejects.toThrow(message);
    expect(hub.requests).toEqual([]);
  });

  it('says that ~ is not expanded, and that a file is not a folder', async () => {
    await expect(resolve({ model: '~/tiny' })).rejects.toThrow('~ is not expanded here');
    await expect(resolve({ model: join(tinyTales, 'config.json') })).rejects.toThrow('is a file, not a folder');
  });

  it('says which file a repository lacks', async () => {
    await expect(resolve({ model: 'acme/tiny', dtype: 'q4' })).rejects.toThrow(
      expect.objectContaining({
        cause: expect.objectContaining({ message: expect.stringContaining('has no onnx/model_q4.onnx') }),
      }),
    );
  });
});

describe('distilgpt2', () => {
  it('is requested at its pinned revision and checked against its pinned checksum', async () => {
    await expect(resolve({ model: 'distilgpt2' })).rejects.toThrow(
      expect.objectContaining({
        message: 'distilgpt2 is not available',
        cause: expect.objectContaining({
          message: expect.stringContaining('e1ff18884359fe8beb795a5f414feb85a6ce3d929ad019c0d958c039d2b94a1b'),
        }),
      }),
    );
    expect(hub.requests[0]).toBe(
      'HEAD /distilbert/distilgpt2/resolve/2290a62682d06624634c1f46a6ad5be0f47f38aa/config.json',
    );
  });

  it('comes from the ONNX repository for transformers.js', async () => {
    await expect(resolve({ model: 'distilgpt2', engine: 'transformers' })).rejects.toThrow(
      'distilgpt2 is not available',
    );
    expect(hub.requests[0]).toBe(
      'HEAD /Xenova/distilgpt2/resolve/a41c10485c18a64b6606729b6a082330cbd8f49e/config.json',
    );
  });

  it('is replaced by the shipped model, with a reason, only when MODEL is not set', async () => {
    const model = await resolve({});
    expect(model).toMatchObject({ name: 'tiny-tales', dtype: 'fp32' });
    expect(model.fallbackReason).toMatch(
      /^distilgpt2 is not available \(.*checksum.*\), so the small model tiny-tales of this repository runs instead\.$/,
    );
  });

  it('is replaced after one quick attempt when the hub cannot be reached', async () => {
    await hub.stop();
    const model = await resolve({});
    expect(model.fallbackReason).toMatch(/127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED/);
  });

  it('is replaced when the hub does not answer', async () => {
    hub.setSilent(true);
    const model = await resolve({});
    expect(model.fallbackReason).toContain('no answer within 5 s');
    expect(hub.requests).toHaveLength(1);
  });
});

/** Stores a quality report beside the model, in which int8 has passed or not. */
async function storeReport({ folder, checksum }: ResolvedModel, isInt8Passed: boolean): Promise<void> {
  const passed = { perplexity: 20, klDivergence: 0, top1Agreement: 1, isPassed: true };
  await storeQualityReport(folder, {
    ...validityOf(checksum),
    text: { name: 'a.txt', sha256: '', characters: 9_000, scoredTokens: 2_000 },
    limits: qualityLimits,
    dtypes: { fp32: passed, int8: { ...passed, isPassed: isInt8Passed } },
  });
}

describe('without a requested dtype', () => {
  it('a model runs in fp32 until a quality report in its folder says that int8 passed', async () => {
    const model = await resolve({ model: 'acme/tiny', dtype: undefined });
    expect(model.dtype).toBe('fp32');
    await storeReport(model, true);
    expect(await resolve({ model: 'acme/tiny', dtype: undefined })).toEqual({ ...model, dtype: 'int8' });
    await storeReport(model, false);
    expect(await resolve({ model: 'acme/tiny', dtype: undefined })).toEqual(model);
    expect(await readQualityReport(model.folder)).not.toBeNull();
  });

  it('a report does not apply to transformers, and does not override an explicit dtype', async () => {
    const folder = join(modelDir, 'tiny');
    await cp(tinyTales, folder, { recursive: true });
    await storeReport(await resolve({ model: folder }), true);
    expect((await resolve({ model: folder, dtype: undefined })).dtype).toBe('int8');
    expect((await resolve({ model: folder, dtype: 'fp32' })).dtype).toBe('fp32');
    expect((await resolve({ model: folder, dtype: undefined, engine: 'transformers' })).dtype).toBe('fp32');
    await storeReport(await resolve({ model: folder }), false);
    expect((await resolve({ model: folder, dtype: 'int8' })).dtype).toBe('int8');
  });

  it('the shipped model, in place of distilgpt2, runs in the dtype that its own report chooses', async () => {
    const { dtype } = await resolve({ model: 'shipped', dtype: undefined });
    expect(await resolve({ dtype: undefined })).toMatchObject({ name: 'tiny-tales', dtype });
    expect(await resolve({ dtype: 'int8' })).toMatchObject({ name: 'tiny-tales', dtype: 'int8' });
    expect(await resolve({ dtype: 'q4' })).toMatchObject({ name: 'tiny-tales', dtype: 'fp32' });
  });
});

describe('a folder', () => {
  it('is used as it is', async () => {
    expect(await resolve({ model: tinyTales })).toMatchObject({
      name: 'tiny-tales',
      folder: tinyTales,
      fallbackReason: null,
    });
    expect(await resolve({ model: 'shipped' })).toMatchObject({
      name: 'tiny-tales',
      folder: tinyTales,
      revision: 'e49dce13cc02',
    });
  });

  it('must have a config.json', async () => {
    await expect(resolve({ model: modelDir })).rejects.toThrow(`The model folder ${modelDir} has no config.json`);
  });
});
