/** The quality gate: measures each number format of a GPT-2 model on a text that the model has not seen. */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, type Logger } from '@prosemill/core';
import { createTokenizer } from '@prosemill/tokenizer';
import type { Decoder } from '../decoder/decoder.ts';
import type { NumberFormat } from '../decoder/memory-plan.ts';
import { openDecoder, partsFileOf } from '../families/open-decoder.ts';
import { createProgressReport, type ProgressReport } from '../models/progress-bar.ts';
import { type ModelChoice, type ResolvedModel, resolveModel } from '../models/resolve-model.ts';
import { forbidTelemetry } from '../worker/child-environment.ts';
import { validityOf, judge, qualityLimits, type QualityReport } from './quality-report.ts';
import { scoreWindows, scoringLimits } from './score-windows.ts';

export interface QualityOptions extends ModelChoice {
  readonly threads: number;
  /** A file of plain text; undefined: the text that comes with this package. */
  readonly textFile: string | undefined;
  readonly logger: Logger;
}

export interface MeasuredQuality {
  readonly model: ResolvedModel;
  /** Null for a model that `batched` does not run: it has no formats to choose from. */
  readonly report: QualityReport | null;
}

/** With fewer tokens the result would depend on chance. */
const minTokens = 1_000;

const heldOutText = fileURLToPath(new URL('../../texts/held-out.txt', import.meta.url));

/**
 * Uses the stored int8 parts of the model, and stores missing ones, so that it measures what will run.
 * @throws {AppError} `engine_unavailable` when the model is not available; `invalid_request` when the text cannot be
 *   read or is too short
 */
export async function measureQuality(options: QualityOptions): Promise<MeasuredQuality> {
  forbidTelemetry();
  const progress = createProgressReport(options.logger, process.stderr);
  try {
    return await measure(options, progress);
  } finally {
    progress.end();
  }
}

async function measure(options: QualityOptions, progress: ProgressReport): Promise<MeasuredQuality> {
  const { textFile = heldOutText, threads, modelDir } = options;
  const onProgress = progress.update;
  const model = await resolveModel(options, { signal: new AbortController().signal, onProgress });
  const { shape } = model;
  if (shape === null || model.engine !== 'batched') return { model, report: null };
  const text = await readText(textFile);
  const ids = createTokenizer(model.tokenizer).encode(text);
  if (ids.length < minTokens) {
    throw new AppError('invalid_request', {
      message: `${textFile} has ${ids.length} tokens, but at least ${minTokens} are needed`,
    });
  }
  const open = async (format: NumberFormat): Promise<Decoder> => {
    const source = { model: { ...model, shape }, format, modelDir, onProgress };
    return await openDecoder({ ...source, options: { ...scoringLimits, threads } });
  };
  const [reference, other] = [await open('fp32'), await open('int8')];
  const scores = await scoreWindows({ ids, reference, other });
  await reference.close();
  await other.close();
  const report = {
    ...validityOf(model.checksum),
    text: {
      name: basename(textFile),
      sha256: createHash('sha256').update(text).digest('hex'),
      characters: text.length,
      scoredTokens: scores.reference.tokens,
    },
    limits: qualityLimits,
    dtypes: { fp32: judge(scores.reference, scores.reference), int8: judge(scores.other, scores.reference) },
  };
  return { model, report };
}

/** Deletes the stored int8 parts of a model that runs in another format, because an image does not need them. */
export async function keepOnlyUsed(of: {
  readonly modelDir: string;
  readonly checksum: string;
  readonly used: string;
}): Promise<void> {
  if (of.used !== 'int8') await rm(partsFileOf(of.modelDir, of), { force: true });
}

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AppError('invalid_request', { message: `the text ${path} cannot be read`, cause });
  });
}
