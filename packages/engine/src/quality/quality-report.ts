/** `quality.json`: what the number formats of a model are worth, and which of them it runs in when nobody says. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '@prosemill/core';
import type { BatchedDtype } from '../batched/build-graph.ts';
import { graphVersion } from '../batched/graph-version.ts';
import { cpuFeatures } from '../fingerprint.ts';
import type { ScoreSums } from './compare-logits.ts';

export interface QualityReport extends Belonging {
  readonly text: {
    /** Its file's name. */
    readonly name: string;
    /** 64 hex digits. */
    readonly sha256: string;
    readonly characters: number;
    readonly scoredTokens: number;
  };
  readonly limits: QualityLimits;
  readonly dtypes: Readonly<Record<BatchedDtype, DtypeQuality>>;
}

/** What a report is true of. */
interface Belonging {
  /** As in `DescribedModel`. */
  readonly modelChecksum: string;
  readonly graphVersion: string;
  /** Whether the CPU that measured adds products of whole numbers without clamping them; see {@link hasExactInt8}. */
  readonly isInt8Exact: boolean;
}

export interface DtypeQuality {
  /** e to the mean −ln p of the text's tokens. */
  readonly perplexity: number;
  /** Mean KL(fp32 ‖ this), in nats per token. */
  readonly klDivergence: number;
  /** Share of tokens at which the most probable one is fp32's, 0 to 1. */
  readonly top1Agreement: number;
  readonly isPassed: boolean;
}

export interface QualityLimits {
  /** From fp32's, as a share of it, either way. */
  readonly maxPerplexityChange: number;
  readonly minTop1Agreement: number;
}

export const qualityLimits: QualityLimits = { maxPerplexityChange: 0.01, minTop1Agreement: 0.97 };

const fileName = 'quality.json';
const fastestFirst = ['int8', 'fp32'] as const satisfies readonly BatchedDtype[];

/** The fastest that passed, by a report beside the model that is true of this model, this graph and this CPU; without one fp32. */
export async function readDefaultDtype(folder: string, modelChecksum: string): Promise<BatchedDtype> {
  const report = await readQualityReport(folder);
  const actual = belongingOf(modelChecksum);
  const isTrue =
    report?.modelChecksum === actual.modelChecksum &&
    report.graphVersion === actual.graphVersion &&
    report.isInt8Exact === actual.isInt8Exact &&
    isDeepStrictEqual(report.limits, qualityLimits);
  return isTrue ? defaultDtypeOf(report) : 'fp32';
}

export const defaultDtypeOf = ({ dtypes }: Pick<QualityReport, 'dtypes'>): BatchedDtype =>
  fastestFirst.find((dtype) => dtypes[dtype]?.isPassed) ?? 'fp32';

/** Null where there is none that can be read. */
export async function readQualityReport(folder: string): Promise<QualityReport | null> {
  try {
    return JSON.parse(await readFile(join(folder, fileName), 'utf8')) as QualityReport;
  } catch {
    return null;
  }
}

/**
 * Writes it beside the model, whole or not at all.
 * @returns the file
 * @throws {AppError} `internal` where the folder cannot be written to
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

export const belongingOf = (modelChecksum: string): Belonging => ({
  modelChecksum,
  graphVersion,
  isInt8Exact: hasExactInt8(),
});

/** @param reference  fp32's, on the same tokens. */
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

/** Further digits say nothing: CPUs do not agree on them. */
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/**
 * x64 CPUs without VNNI clamp sums of two products to 16 bits, so that int8 is another, worse format there.
 * @see https://github.com/microsoft/onnxruntime/pull/12088
 */
function hasExactInt8(): boolean {
  return arch() !== 'x64' || /\bavx(?:512)?_vnni\b/.test(cpuFeatures());
}
