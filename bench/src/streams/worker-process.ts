/** The worker of the measurement: the real one, with an engine that notes when it chose each token. */
import { openAdapters } from '@prosemill/composition';
import type { TextGenerator } from '@prosemill/core';
import { createWorker, workerConfigSchema, workerOptions } from '@prosemill/worker';
import { nowMs } from './clock.ts';

export interface WorkerReport {
  /** The metrics of the worker. */
  readonly metrics: string;
  /** By seed: the time of each new token since the last report. */
  readonly tokenTimes: Readonly<Record<number, readonly number[]>>;
}

const [settings = '{}'] = process.argv.slice(2);
const config = workerConfigSchema.parse(JSON.parse(settings));
const adapters = await openAdapters(config, 'worker');
const options = workerOptions(config, adapters);
let tokenTimes: Record<number, number[]> = {};
const worker = createWorker({ ...options, generator: observed(options.generator) });
await adapters.queue.wakeUps.start();
await worker.start(new AbortController().signal);
process.on('disconnect', () => void stop());
process.on('message', () => void report());
process.send?.('ready');

async function report(): Promise<void> {
  const answer: WorkerReport = { metrics: await adapters.metrics.read(), tokenTimes };
  tokenTimes = {};
  process.send?.(answer);
}

async function stop(): Promise<void> {
  await worker.stop(0);
  await adapters.stop();
  process.exit(0);
}

/** The time of a token is that of the engine's message with it. */
function observed(generator: TextGenerator): TextGenerator {
  return {
    get slots() {
      return generator.slots;
    },
    get model() {
      return generator.model;
    },
    get state() {
      return generator.state;
    },
    start: async () => await generator.start(),
    stop: async () => await generator.stop(),
    onStateChange: (listener) => generator.onStateChange(listener),
    onSteps: (listener) => generator.onSteps(listener),
    async *generate(request, signal) {
      const times = (tokenTimes[request.seed] ??= []);
      for await (const event of generator.generate(request, signal)) {
        if (event.type === 'token-delta') {
          const atMs = nowMs();
          while (times.length < event.completionTokens) times.push(atMs);
        }
        yield event;
      }
    },
  };
}
