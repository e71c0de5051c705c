/**
 * `pnpm quality`: measures the quality of each number format of the model, and writes `quality.json` beside the model.
 * Workers choose their number format by it.
 */
import { AppError, exitWith, print, readArguments, tolerateFailures } from '@prosemill/core';
import {
  defaultDtypeOf,
  keepOnlyUsed,
  measureQuality,
  type QualityReport,
  storeQualityReport,
} from '@prosemill/engine/quality';
import { createLogger } from '@prosemill/telemetry';
import { engineOptions, readWorkerConfig } from './config.ts';

async function quality(): Promise<void> {
  tolerateFailures(process.stderr);
  const { values } = readArguments(
    {
      options: {
        // A text other than the engine's own.
        text: { type: 'string' },
        // Accepts a model without a choice of formats, and keeps only the files that will be used.
        'for-image': { type: 'boolean', default: false },
      },
    },
    'usage: pnpm quality [--text FILE]',
  );
  const config = readWorkerConfig();
  // Standard output holds the table alone.
  const logger = createLogger({
    name: 'quality',
    level: config.LOG_LEVEL,
    pretty: config.LOG_PRETTY,
    stream: process.stderr,
  });
  const options = engineOptions(config);
  const { model, report } = await measureQuality({ ...options, textFile: values.text, logger });
  if (report === null) {
    const message = `${model.name} runs with the engine ${model.engine}: only models that batched can run have a quality to measure`;
    if (!values['for-image']) throw new AppError('engine_unavailable', { message });
    await print(`${message}\n`);
    return;
  }
  const path = await storeQualityReport(model.folder, report);
  const chosen = defaultDtypeOf(report);
  await print(tableOf(model.name, report));
  await print(`Written to ${path}. With MODEL_DTYPE not set the model runs in ${chosen}.\n`);
  if (values['for-image']) {
    await keepOnlyUsed({ ...model, modelDir: options.modelDir, used: config.MODEL_DTYPE ?? chosen });
  }
}

function tableOf(modelName: string, { text, limits, dtypes }: QualityReport): string {
  const rows = Object.entries(dtypes).map(([dtype, { perplexity, klDivergence, top1Agreement, isPassed }]) => [
    dtype,
    perplexity.toFixed(3),
    percent(perplexity / dtypes.fp32.perplexity - 1),
    klDivergence.toFixed(5),
    percent(top1Agreement),
    isPassed ? 'yes' : 'no',
  ]);
  const head = ['dtype', 'perplexity', 'change', 'KL, nats/token', 'top-1', 'passes'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ');
  return [
    `${modelName} on ${text.name}, ${text.scoredTokens} tokens; to pass: perplexity within ${percent(limits.maxPerplexityChange)} of fp32's, top-1 at least ${percent(limits.minTop1Agreement)}`,
    line(head),
    ...rows.map(line),
    '',
  ].join('\n');
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

await quality().catch(exitWith);
