/** `quality.json`: the quality of a model's number formats, which decides the default format. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '@prosemill/core';
import { decoderVersion } from '../decoder/decoder-version.ts';
import type { NumberFormat } from '../decoder/memory-plan.ts';
import type { ScoreSums } from './compare-logits.ts';

export interface QualityReport extends ReportValidity {
  readonly text: {
    readonly name: string;
    /** 64 hex digits. */
    readonly sha256: string;
    readonly characters: number;
    readonly scoredTokens: number;
  };
  readonly limits: QualityLimits;
  readonly dtypes: Readonly<Record<NumberFormat, DtypeQuality>>;
}

/** The model and the version of the engine that a report is valid for. */
interface ReportValidity {
  /** The same value as in `DescribedModel`. */
  readonly modelChecksum: string;
  readonly decoderVersion: string;
}

export interface DtypeQuality {
  /** e to the power of the mean −ln p over the text's tokens. */
  readonly perplexity: number;
  /** The mean KL(fp32 ‖ this), in nats per token. */
  readonly klDivergence: number;
  /** The share of positions at which the most probable token is the same as in fp32, 0 to 1. */
  readonly top1Agreement: number;
  readonly isPassed: boolean;
}

export interface QualityLimits {
  /** The largest deviation from fp32's perplexity in either direction, relative to it. */
  readonly maxPerplexityChange: number;
  readonly minTop1Agreement: number;
}

export const qualityLimits: QualityLimits = { maxPerplexityChange: 0.01, minTop1Agreement: 0.97 };

const fileName = 'quality.json';
const fastestFirst = ['int8', 'fp32'] as const satisfies readonly NumberFormat[];

/** The fastest format that passed, if a report is valid for this model and engine; otherwise fp32. */
export async function readDefaultDtype(folder: string, modelChecksum: string): Promise<NumberFormat> {
  const report = await readQualityReport(folder);
  const expected = { ...validityOf(modelChecksum), limits: qualityLimits };
  const isValid = report !== null && isDeepStrictEqual({ ...report, ...expected }, report);
  return isValid ? defaultDtypeOf(report) : 'fp32';
}

export const defaultDtypeOf = ({ dtypes }: Pick<QualityReport, 'dtypes'>): NumberFormat =>
  fastestFirst.find((dtype) => dtypes[dtype]?.isPassed) ?? 'fp32';

export async function readQualityReport(folder: string): Promise<QualityReport | null> {
  try {
    return JSON.parse(await readFile(join(folder, fileName), 'utf8')) as QualityReport;
  } catch {
    return null;
  }
}

/**
 * Writes the report into the model's folder, atomically.
 * @returns the path of the file
 * @throws {AppError} `internal` when the folder is not writable
 */
export async function storeQualityReport(folder: string, report: QualityReport): Promise<string> {
  const path = join(folder, fileName);
  const partial = `${path}.partial-${process.pid}`;
  try {
    await writeFile(partial, `${JSON.stringify(report, null, 2)}\n`);
    await rename(partial, path);
    return path;
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw new AppError('internal', { message: `${path} cannot be written`, cause });
  }
}

export const validityOf = (modelChecksum: string): ReportValidity => ({
  modelChecksum,
  decoderVersion,
});

/** @param reference  The score of fp32 for the same tokens. */
export function judge(score: ScoreSums, reference: ScoreSums): DtypeQuality {
  const perplexity = perplexityOf(score);
  const top1Agreement = score.agreements / score.tokens;
  const change = Math.abs(perplexity / perplexityOf(reference) - 1);
  return {
    perplexity: rounded(perplexity, 4),
    klDivergence: rounded(score.divergence / score.tokens, 6),
    top1Agreement: rounded(top1Agreement, 5),
    isPassed: change <= qualityLimits.maxPerplexityChange && top1Agreement >= qualityLimits.minTop1Agreement,
  };
}

const perplexityOf = ({ negativeLogLikelihood, tokens }: ScoreSums): number => Math.exp(negativeLogLikelihood / tokens);

/** Rounds, because CPUs do not agree on further digits. */
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
