/**
 * llama.cpp through node-llama-cpp: one sequence for each text in flight, all in one context and evaluated in common
 * batches.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ggufName } from '../model/model-shape.ts';
import type { Work } from '../work.ts';
import type { Task } from './contestant.ts';
import { runSteps, type Sequence } from './llama-steps.ts';
import { serve } from './serve.ts';

/** The used part of the API of node-llama-cpp 3.22; see also llama-steps.ts. */
interface Context {
  getSequence(): Sequence;
  dispose(): Promise<void>;
}
interface Model {
  createContext(options: Readonly<Record<string, unknown>>): Promise<Context>;
}
interface NodeLlamaCpp {
  getLlama(
    options: Readonly<Record<string, unknown>>,
  ): Promise<{ loadModel(options: Readonly<Record<string, unknown>>): Promise<Model> }>;
}

/** Settings whose speed depends on the machine: all are tried, and the fastest is used. */
interface Setting {
  readonly threads: number;
  readonly flashAttention: boolean;
}

const [folder = '', peersFolder = ''] = process.argv.slice(2);
const settings: readonly Setting[] = [1, availableParallelism()].flatMap((threads) =>
  [true, false].map((flashAttention) => ({ threads, flashAttention })),
);
/** The new tokens of each text while settings are tried. */
const triedTokens = 24;
/** The tokens of a batch: llama.cpp's default. */
const batchSize = 512;

await serve(async () => {
  const entry = pathToFileURL(join(peersFolder, 'node_modules/node-llama-cpp/dist/index.js')).href;
  const peer = (await import(entry)) as NodeLlamaCpp;
  const llama = await peer.getLlama({
    gpu: false,
    build: 'never',
    logLevel: 'error',
    maxThreads: availableParallelism(),
  });
  const model = await llama.loadModel({ modelPath: join(folder, ggufName) });
  const chosen = new Map<string, readonly Sequence[]>();

  return async (work, inFlight) => {
    const longest = Math.max(...work.map(({ promptIds, newTokens }) => promptIds.length + newTokens));
    const contextSize = Math.ceil((longest + 1) / 64) * 64;
    const key = `${inFlight} of ${contextSize}`;
    const sequences = chosen.get(key) ?? (await chooseSequences(model, { work, inFlight, contextSize }));
    chosen.set(key, sequences);
    return await runSteps(sequences, work);
  };
});

async function chooseSequences(
  model: Model,
  task: Task & { readonly contextSize: number },
): Promise<readonly Sequence[]> {
  const { inFlight, contextSize } = task;
  const work = task.work.slice(0, inFlight).map(shortened);
  let best: { readonly context: Context; readonly sequences: readonly Sequence[]; readonly ms: number } | null = null;
  for (const setting of settings) {
    const context = await model.createContext({ ...setting, sequences: inFlight, contextSize, batchSize });
    const sequences = Array.from({ length: inFlight }, () => context.getSequence());
    // The faster of two attempts counts, so that a disturbance does not decide.
    const attempts = [await runSteps(sequences, work), await runSteps(sequences, work)];
    const ms = Math.min(...attempts.map((attempt) => attempt.ms));
    process.stderr.write(`  llama.cpp, ${inFlight} in flight: ${JSON.stringify(setting)} ${ms.toFixed(0)} ms\n`);
    if (best !== null && best.ms <= ms) {
      await context.dispose();
      continue;
    }
    await best?.context.dispose();
    best = { context, sequences, ms };
  }
  return best?.sequences ?? [];
}

const shortened = ({ prompt, promptIds, newTokens }: Work): Work => ({
  prompt,
  promptIds,
  newTokens: Math.min(newTokens, triedTokens),
});
