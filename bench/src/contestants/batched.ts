/** This project's engine, started like in the worker. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Logger, TextGenerator } from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import type { Work } from '../work.ts';
import type { Contestant } from './contestant.ts';
import { runStreams } from './streams.ts';

export interface BatchedOptions {
  readonly folder: string;
  readonly dtype: 'fp32' | 'int8';
  readonly slots: number;
  /** The folder of files that the engine makes of the model. Default: in the folder of the model. */
  readonly cache?: string;
  /** The engine of another checkout. Default: the engine of this one. */
  readonly createTextGenerator?: typeof createTextGenerator;
}

export interface GenerateOptions {
  readonly seed: number;
  readonly onToken?: () => unknown;
  readonly signal?: AbortSignal;
}

const ignore = (): void => undefined;
const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => silentLogger };
export const sampling = { maxLength: null, temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1, stop: [] };

export async function startBatched(options: BatchedOptions): Promise<Contestant> {
  const generator = await startGenerator(options);
  return {
    name: `batched ${options.dtype}`,
    run: async (work, inFlight) =>
      await runStreams(work, inFlight, async (piece, { index, onToken, signal }) => {
        await generate(generator, piece, { seed: index, onToken, signal });
      }),
    stop: async () => await generator.stop(),
  };
}

export async function startGenerator(options: BatchedOptions): Promise<TextGenerator> {
  const { folder, dtype, slots, cache = join(folder, 'cache') } = options;
  const create = options.createTextGenerator ?? createTextGenerator;
  const generator = create({
    engine: 'batched',
    dtype,
    slots,
    model: folder,
    revision: undefined,
    modelDir: cache,
    hubEndpoint: 'http://not.used',
    threads: availableParallelism(),
    logger: silentLogger,
  });
  await generator.start();
  return generator;
}

/** @throws {Error} when the text or its prompt does not have the expected number of tokens */
export async function generate(generator: TextGenerator, work: Work, options: GenerateOptions): Promise<void> {
  const { prompt, promptIds, newTokens } = work;
  const { seed, onToken = ignore, signal = new AbortController().signal } = options;
  const parameters = { ...sampling, maxNewTokens: newTokens };
  let tokens = 0;
  const countTo = (completionTokens: number): void => {
    for (; tokens < completionTokens; tokens += 1) onToken();
  };
  for await (const event of generator.generate({ prompt, seed, parameters }, signal)) {
    if (event.type === 'token-delta') countTo(event.completionTokens);
    if (event.type !== 'generation-end') continue;
    const { ending } = event;
    if (ending.reason === 'error') throw ending.error;
    if (ending.reason === 'canceled') return;
    const { promptTokens, completionTokens } = ending.usage;
    countTo(completionTokens);
    if (promptTokens !== promptIds.length || completionTokens !== newTokens) {
      throw new Error(`asked for ${promptIds.length} + ${newTokens} tokens, got ${promptTokens} + ${completionTokens}`);
    }
  }
}
