/** The engine `batched` with the shipped model. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineStep, GenerateRequest, LoadPhase } from '@prosemill/core';
import { describeTextGeneratorConformance, type GoldenTokens, silentLogger } from '@prosemill/testkit';
import { createTokenizer } from '@prosemill/tokenizer';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createTextGenerator, type TextGeneratorOptions } from '../index.ts';
import { mixedRequests, plain, run, shipped, start, type Text } from './test-batched.ts';

const golden = JSON.parse(
  readFileSync(new URL('../../../../models/tiny-tales/golden.json', import.meta.url), 'utf8'),
) as GoldenTokens;
describeTextGeneratorConformance('batched', async () => {
  const generator = await start({});
  const tokenizer = createTokenizer(generator.model?.record.tokenizer ?? '');
  return { generator, golden, decode: (ids) => tokenizer.decode(ids) };
});

it('reports the steps of the engine in few messages', async () => {
  const generator = await start({ slots: 4, hangLimitMs: 12_000 });
  onTestFinished(async () => await generator.stop());
  const reports: (readonly EngineStep[])[] = [];
  generator.onSteps((steps) => reports.push(steps));
  const request = { prompt: 'The king', seed: 1, parameters: { ...plain, maxNewTokens: 90 } };
  await Promise.all([run(generator, request), run(generator, request)]);
  // The last steps come with the answer to the next ping.
  const countRows = (): number => reports.flat().reduce((sum, { rows }) => sum + rows, 0);
  await expect.poll(countRows, { interval: 20, timeout: 10_000 }).toBe(180);
  expect(reports.flat().length).toBeGreaterThan(10 * reports.length);
});

it('leaves the telemetry of onnxruntime off', async () => {
  const home = await mkdtemp(join(tmpdir(), 'prosemill-home-'));
  onTestFinished(async () => await rm(home, { recursive: true }));
  onTestFinished(() => void vi.unstubAllEnvs());
  // onnxruntime itself leaves its telemetry off where CI is set.
  vi.stubEnv('CI', undefined).stubEnv('ORT_DISABLE_TELEMETRY', undefined);
  vi.stubEnv('HOME', home).stubEnv('XDG_CACHE_HOME', undefined);
  const generator = await start({});
  await run(generator, mixedRequests(1)[0] as GenerateRequest);
  await generator.stop();
  expect(await readdir(home)).toEqual([]);
});

async function textWith(modelDir: string, options: Partial<TextGeneratorOptions> = {}): Promise<Text> {
  const generator = await start({ ...options, modelDir, dtype: 'int8' });
  onTestFinished(async () => await generator.stop());
  return await run(generator, mixedRequests(1)[0] as GenerateRequest);
}

describe('int8 parts', () => {
  it('are stored, reused without useless files beside them, and prepared anew when they are damaged', async () => {
    const modelDir = await mkdtemp(join(tmpdir(), 'prosemill-parts-'));
    onTestFinished(async () => await rm(modelDir, { recursive: true }));
    const text = await textWith(modelDir);
    const [name = ''] = await readdir(join(modelDir, 'prepared'));
    const path = join(modelDir, 'prepared', name);
    const { mtimeMs, size } = await stat(path);
    // A kill while writing left the first file, another version the second.
    const left = [`${path}.partial-1`, path.replace(/-int8-.*/, '-int8-1.safetensors')];
    await Promise.all(left.map(async (file) => await writeFile(file, 'useless')));
    await utimes(`${path}.partial-1`, 0, 0);
    expect(await textWith(modelDir)).toEqual(text);
    expect((await stat(path)).mtimeMs).toBe(mtimeMs);
    expect(await readdir(join(modelDir, 'prepared'))).toEqual([name]);
    await writeFile(path, 'damaged');
    expect(await textWith(modelDir)).toEqual(text);
    expect((await stat(path)).size).toBe(size);
  });

  it('are kept in memory where they cannot be stored, which the log says', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'prosemill-parts-'));
    onTestFinished(async () => await rm(folder, { recursive: true }));
    const file = join(folder, 'a file');
    await writeFile(file, '');
    const lines: unknown[] = [];
    const logger = { ...silentLogger, warn: (fields: { readonly line?: unknown }) => void lines.push(fields.line) };
    expect((await textWith(file, { logger })).reason).not.toBe('error');
    expect(lines).toContainEqual(expect.stringContaining('cannot be written'));
  });
});

/** The phases of a load in the order of the engine's states, each with its progress values. */
async function phasesOf(options: Partial<TextGeneratorOptions>): Promise<Map<LoadPhase, readonly (number | null)[]>> {
  const generator = createTextGenerator({ ...shipped, ...options });
  onTestFinished(async () => await generator.stop());
  const phases = new Map<LoadPhase, readonly (number | null)[]>();
  generator.onStateChange((state) => {
    if (state.type === 'loading') phases.set(state.phase, [...(phases.get(state.phase) ?? []), state.progress]);
  });
  await generator.start();
  return phases;
}

function expectProgress(progress: readonly (number | null)[]): void {
  expect(progress).toEqual(progress.toSorted((a, b) => Number(a) - Number(b)));
  expect(progress.length).toBeGreaterThan(10);
  expect(progress.at(-1)).toBe(1);
}

describe('the progress of a load', () => {
  it('is reported for each phase in fp32', async () => {
    const phases = await phasesOf({ dtype: 'fp32' });
    expect([...phases.keys()]).toEqual(['checking', 'opening']);
    for (const progress of phases.values()) expectProgress(progress);
  });

  it('is reported for each phase in int8, also when damaged parts are prepared anew', async () => {
    const modelDir = await mkdtemp(join(tmpdir(), 'prosemill-parts-'));
    onTestFinished(async () => await rm(modelDir, { recursive: true }));
    const first = await phasesOf({ dtype: 'int8', modelDir });
    expect([...first.keys()]).toEqual(['checking', 'building-int8', 'opening']);
    for (const progress of first.values()) expectProgress(progress);
    expect([...(await phasesOf({ dtype: 'int8', modelDir })).keys()]).toEqual(['checking', 'opening']);
    const [name = ''] = await readdir(join(modelDir, 'prepared'));
    const path = join(modelDir, 'prepared', name);
    await writeFile(path, (await readFile(path)).fill(255, 0, 1_000));
    const again = await phasesOf({ dtype: 'int8', modelDir });
    expect([...again.keys()]).toEqual(['checking', 'building-int8', 'opening']);
    expect(again.get('building-int8')).toEqual(first.get('building-int8'));
  });
});

describe('batched and transformers', () => {
  it('give the same texts in fp32', async () => {
    const [batched, transformers] = await Promise.all([start({}), start({ engine: 'transformers', slots: 1 })]);
    const requests = mixedRequests(25);
    const texts = await Promise.all(
      [batched, transformers].map(
        async (generator) => await Promise.all(requests.map((request) => run(generator, request))),
      ),
    );
    await Promise.all([batched.stop(), transformers.stop()]);
    expect(texts[0]).toEqual(texts[1]);
  });
});
