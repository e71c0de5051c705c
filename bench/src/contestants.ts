/** Who is measured: each in a process of its own, on the same model. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@prosemill/core';
import { createTextGenerator, type TextGeneratorOptions } from '@prosemill/engine';

export interface Work {
  readonly prompt: string;
  readonly newTokens: number;
}

export interface WorkResult {
  /** New tokens of all texts. */
  readonly tokens: number;
  readonly ms: number;
}

export interface Contestant {
  readonly name: string;
  /** Does all of the work, with so many texts in flight if it can. */
  run(work: readonly Work[], inFlight: number): Promise<WorkResult>;
  stop(): Promise<void>;
}

const ignore = (): void => undefined;
const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => silentLogger };

/** The transformers.js pipeline: one text at a time, whatever is in flight. */
export async function startPipeline(folder: string): Promise<Contestant> {
  const child = fork(fileURLToPath(new URL('pipeline-process.ts', import.meta.url)), [folder], { execArgv: [] });
  await once(child, 'message');
  return {
    name: 'transformers.js pipeline',
    async run(work) {
      child.send(work);
      const [result] = (await once(child, 'message')) as [WorkResult];
      return result;
    },
    async stop() {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

/** This project's engine, as the worker starts it. */
export async function startEngine(
  name: string,
  folder: string,
  options: Pick<TextGeneratorOptions, 'engine' | 'dtype' | 'slots'>,
): Promise<Contestant> {
  const generator = createTextGenerator({
    ...options,
    model: folder,
    revision: undefined,
    modelDir: join(folder, 'cache'),
    hubEndpoint: 'http://not.used',
    threads: availableParallelism(),
    logger: silentLogger,
  });
  await generator.start();
  const sampling = { maxLength: null, temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1, stop: [] };

  async function generate({ prompt, newTokens }: Work, seed: number): Promise<number> {
    const parameters = { ...sampling, maxNewTokens: newTokens };
    for await (const event of generator.generate({ prompt, seed, parameters }, new AbortController().signal)) {
      if (event.type !== 'generation-end') continue;
      if (event.ending.reason === 'error') throw event.ending.error;
      return event.ending.usage.completionTokens;
    }
    return 0;
  }

  return {
    name,
    async run(work, inFlight) {
      const begin = performance.now();
      let tokens = 0;
      // One iterator for all streams: each takes the next piece of work when it is done with its last.
      const queue = work.entries();
      const streams = Array.from({ length: inFlight }, async () => {
        for (const [seed, piece] of queue) {
          const count = await generate(piece, seed);
          tokens += count;
        }
      });
      await Promise.all(streams);
      return { tokens, ms: performance.now() - begin };
    },
    stop: async () => await generator.stop(),
  };
}
