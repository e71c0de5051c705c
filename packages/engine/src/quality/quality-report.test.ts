import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ScoreSums } from './compare-logits.ts';
import {
  validityOf,
  judge,
  qualityLimits,
  type QualityReport,
  readDefaultDtype,
  readQualityReport,
  storeQualityReport,
} from './quality-report.ts';

const modelChecksum = 'a'.repeat(64);
const passed = { perplexity: 20, klDivergence: 0, top1Agreement: 1, isPassed: true };
const failed = { ...passed, isPassed: false };
const report: QualityReport = {
  ...validityOf(modelChecksum),
  text: { name: 'a.txt', sha256: 'b'.repeat(64), characters: 9_000, scoredTokens: 2_000 },
  limits: qualityLimits,
  dtypes: { fp32: passed, int8: passed },
};

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prosemill-quality-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
});

describe('a format passes', () => {
  const tokens = 1_000;
  const reference: ScoreSums = { tokens, negativeLogLikelihood: 3 * tokens, divergence: 0, agreements: tokens };
  const withPerplexity = (ratio: number): ScoreSums => ({
    ...reference,
    negativeLogLikelihood: (3 + Math.log(ratio)) * tokens,
  });

  it.each([
    ['perplexity as fp32', withPerplexity(1), true],
    ['perplexity 0.9 % higher', withPerplexity(1.009), true],
    ['perplexity 1.1 % higher', withPerplexity(1.011), false],
    ['perplexity 1.1 % lower, which also means another model', withPerplexity(0.989), false],
    ['top-1 of 97 %', { ...reference, agreements: 970 }, true],
    ['top-1 of 96.9 %', { ...reference, agreements: 969 }, false],
  ])('or not, with %s', (_name, score, isPassed) => {
    expect(judge(score, reference).isPassed).toBe(isPassed);
  });

  it('with numbers that are means over the tokens', () => {
    const score = { ...reference, divergence: 2, agreements: 990 };
    expect(judge(score, reference)).toEqual({
      perplexity: 20.0855,
      klDivergence: 0.002,
      top1Agreement: 0.99,
      isPassed: true,
    });
  });
});

describe('the default format', () => {
  it.each([
    ['int8 when it passed', report, 'int8'],
    ['fp32 when int8 did not pass', { ...report, dtypes: { fp32: passed, int8: failed } }, 'fp32'],
    ['fp32 when the report belongs to another model', { ...report, modelChecksum: 'c'.repeat(64) }, 'fp32'],
    ['fp32 when the report belongs to another engine', { ...report, decoderVersion: 'another' }, 'fp32'],
  ])('is %s', async (_name, stored, expected) => {
    await storeQualityReport(folder, stored);
    expect(await readDefaultDtype(folder, modelChecksum)).toBe(expected);
  });

  it('is fp32 without a report, and with one that cannot be read', async () => {
    expect(await readDefaultDtype(folder, modelChecksum)).toBe('fp32');
    for (const text of ['{"dtypes": ', 'null', '{}']) {
      await writeFile(join(folder, 'quality.json'), text);
      expect(await readDefaultDtype(folder, modelChecksum)).toBe('fp32');
    }
  });
});

describe('a report', () => {
  it('is stored completely, and replaces an older one', async () => {
    await storeQualityReport(folder, { ...report, dtypes: { fp32: passed, int8: failed } });
    expect(await storeQualityReport(folder, report)).toBe(join(folder, 'quality.json'));
    expect(await readQualityReport(folder)).toEqual(report);
    expect(await readdir(folder)).toEqual(['quality.json']);
  });

  it('says where it cannot be stored', async () => {
    const missing = join(folder, 'missing');
    await expect(storeQualityReport(missing, report)).rejects.toThrow(
      `${join(missing, 'quality.json')} cannot be written`,
    );
  });
});
