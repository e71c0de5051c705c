/** A worker for tests: a store on an SQLite file, the shipped model, a transport in memory. It ends with its test. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, type Store, type TextGenerator } from '@prosemill/core';
import { createTextGenerator, type TextGeneratorOptions } from '@prosemill/engine';
import { createQueue, type Queue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createMetrics, noTracing } from '@prosemill/telemetry';
import { childProcesses, createTestFolder, newJob, silentLogger } from '@prosemill/testkit';
import { onTestFinished } from 'vitest';
import { createWorker, type Worker, type WorkerOptions } from './create-worker.ts';

/** Parameters of a text that takes about a second: without repetitions it does not end early. */
export const longText = { ...newJob().parameters, maxNewTokens: 500, topK: 0, temperature: 1.3, stop: [] };

export async function createDatabaseUrl(): Promise<string> {
  return `sqlite:${join(await createTestFolder(), 'test.db')}`;
}

export async function openTestStore(url?: string, clockOffsetMs = 0): Promise<Store> {
  const store = openStore({ url: url ?? (await createDatabaseUrl()), logger: silentLogger, clockOffsetMs });
  onTestFinished(async () => await store.stop());
  await store.migrate();
  return store;
}

export const createTestQueue = (): Queue =>
  createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });

/** The shipped model on one thread. The caller stops it. */
export const createTestEngine = (options: Partial<TextGeneratorOptions> = {}): TextGenerator =>
  createTextGenerator({
    model: 'shipped',
    revision: undefined,
    engine: 'auto',
    slots: undefined,
    dtype: 'fp32',
    modelDir: join(tmpdir(), 'prosemill-test-models'),
    hubEndpoint: 'http://not.used',
    threads: 1,
    logger: silentLogger,
    ...options,
  });

/** @param options  Override those of a worker with a transport of its own. */
export function createTestWorker(store: Store, options: Partial<WorkerOptions> = {}): Worker {
  const queue = createTestQueue();
  const worker = createWorker({
    store,
    receiver: queue.receiver,
    hints: queue.sender,
    wakeUps: queue.wakeUps,
    transportProblems: queue.problems,
    generator: createTestEngine(),
    logger: silentLogger,
    metrics: createMetrics(),
    tracing: noTracing,
    workerId: newId(),
    leaseMs: 30_000,
    forbiddenWords: [],
    ...options,
  });
  onTestFinished(async () => await worker.stop(0));
  return worker;
}

/** Sends a signal to the engine's process: SIGKILL makes it crash, SIGSTOP makes it hang. */
export function signalEngine(signal: NodeJS.Signals): void {
  for (const { pid, command } of childProcesses(process.pid)) {
    if (command.includes('process/main.ts')) process.kill(pid, signal);
  }
}
