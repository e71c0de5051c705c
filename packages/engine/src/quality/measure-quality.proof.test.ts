/** The quality gate on the shipped model. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepOnlyUsed, measureQuality, type QualityOptions } from './measure-quality.ts';
import { type QualityReport, readDefaultDtype, readQualityReport } from './quality-report.ts';

const tinyTales = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));
const calibrationText = fileURLToPath(new URL('../../texts/calibration.txt', import.meta.url));

let modelDir: string;

beforeAll(async () => {
  modelDir = await mkdtemp(join(tmpdir(), 'prosemill-quality-'));
});
afterAll(async () => await rm(modelDir, { recursive: true }));

const optionsWith = (options: Partial<QualityOptions>): QualityOptions => ({
  model: 'shipped',
  revision: undefined,
  engine: 'auto',
  dtype: undefined,
  modelDir,
  hubEndpoint: 'http://not.used',
  threads: 2,
  textFile: undefined,
  logger: silentLogger,
  ...options,
});

describe('the report that ships with tiny-tales', () => {
  let shipped: QualityReport;
  let measured: QualityReport;

  beforeAll(async () => {
    shipped = (await readQualityReport(tinyTales)) as QualityReport;
    measured = (await measureQuality(optionsWith({}))).report as QualityReport;
  });

  it('belongs to this model, engine and text; if it does not, run `MODEL=shipped pnpm quality`', () => {
    const { modelChecksum, decoderVersion, text, limits } = measured;
    expect(shipped).toMatchObject({ modelChecksum, decoderVersion, text, limits });
  });

  it('has the results of a new measurement in fp32', () => {
    expect(shipped.dtypes.fp32.perplexity).toBeCloseTo(measured.dtypes.fp32.perplexity, 2);
    expect(shipped.dtypes.fp32).toMatchObject({ klDivergence: 0, top1Agreement: 1, isPassed: true });
  });

  it('has the results of a new measurement in int8, which is the default', async () => {
    expect(await readDefaultDtype(tinyTales, measured.modelChecksum)).toBe('int8');
    const { perplexity, klDivergence, top1Agreement } = measured.dtypes.int8;
    expect(Math.abs(shipped.dtypes.int8.perplexity / perplexity - 1)).toBeLessThan(0.001);
    expect(Math.abs(shipped.dtypes.int8.klDivergence / klDivergence - 1)).toBeLessThan(0.1);
    expect(Math.abs(shipped.dtypes.int8.top1Agreement - top1Agreement)).toBeLessThan(0.003);
  });
});

it('docs/quality.md shows the results of the report', async () => {
  const docs = await readFile(new URL('../../../../docs/quality.md', import.meta.url), 'utf8');
  const { text, dtypes } = (await readQualityReport(tinyTales)) as QualityReport;
  expect(docs).toContain(`\n${text.scoredTokens} tokens`);
  for (const [dtype, { perplexity, klDivergence, top1Agreement, isPassed }] of Object.entries(dtypes)) {
    const top1 = `${(top1Agreement * 100).toFixed(1)} %`;
    const row = [dtype, perplexity.toFixed(2), klDivergence.toFixed(5), top1, isPassed ? 'yes' : 'no'];
    expect(docs.replaceAll(/ +/g, ' ')).toContain(`| ${row.join(' | ')} |`);
  }
});

describe('a measurement', () => {
  it('uses the stored int8 parts, which only a model in int8 keeps', async () => {
    const prepared = join(modelDir, 'prepared');
    const [name = '', ...others] = await readdir(prepared);
    expect([name, others]).toEqual([expect.stringContaining('-int8-'), []]);
    const written = (await stat(join(prepared, name))).mtimeMs;
    const { model, report } = await measureQuality(optionsWith({ textFile: calibrationText }));
    expect(report?.text.name).toBe('calibration.txt');
    expect((await stat(join(prepared, name))).mtimeMs).toBe(written);
    await keepOnlyUsed({ ...model, modelDir, used: 'int8' });
    expect(await readdir(prepared)).toEqual([name]);
    await keepOnlyUsed({ ...model, modelDir, used: 'fp32' });
    expect(await readdir(prepared)).toEqual([]);
  });

  it('has no report for a model that batched does not run', async () => {
    const { model, report } = await measureQuality(optionsWith({ engine: 'transformers' }));
    expect([model.engine, report]).toEqual(['transformers', null]);
  });

  it('needs a text of at least 1,000 tokens', async () => {
    const textFile = join(modelDir, 'short.txt');
    await writeFile(textFile, 'Once upon a time');
    await expect(measureQuality(optionsWith({ textFile }))).rejects.toThrow(
      `${textFile} has 4 tokens, but at least 1000 are needed`,
    );
    await expect(measureQuality(optionsWith({ textFile: '/no/such.txt' }))).rejects.toThrow(
      'the text /no/such.txt cannot be read',
    );
  });
});

it('the texts are plain ASCII and have no sentence in common', async () => {
  const [calibration = '', heldOut = ''] = await Promise.all(
    [calibrationText, calibrationText.replace('calibration', 'held-out')].map((path) => readFile(path, 'utf8')),
  );
  expect(`${calibration}${heldOut}`).toMatch(/^[\n -~]+$/);
  const sentences = calibration
    .split(/[.!?\n]+/)
    .map((sentence) => sentence.trim())
    .filter(({ length }) => length > 20);
  expect(sentences.filter((sentence) => heldOut.includes(sentence))).toEqual([]);
});
