/** An API for tests, without a worker. It has an SQLite file of its own unless the test brings a database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Job,
  type ModelIdentity,
  newId,
  type Outcome,
  type Store,
  type WorkerReport,
  type WorkerSpeed,
} from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createLogger, createMetrics, noTracing } from '@prosemill/telemetry';
import { characterTokenizer, type TokenizerFiles } from '@prosemill/testkit';
import { type Api, type ApiOptions, createApi } from './create-api.ts';

export interface TestApi {
  readonly api: Api;
  readonly store: Store;
  close(): Promise<void>;
}

/** The model of jobs that `endNext` runs. */
export const testModel: ModelIdentity = {
  name: 'tiny-tales',
  revision: '',
  engine: 'batched',
  dtype: 'fp32',
  fingerprint: 'f1',
};

export const succeededWith = (completion: string): Outcome => ({
  type: 'succeeded',
  result: {
    completion,
    usage: { promptTokens: 4, completionTokens: 1 },
    timeToFirstTokenMs: 1,
    generationMs: 2,
    finishReason: 'length',
    modelName: testModel.name,
  },
});

/**
 * Claims the next job, and ends its attempt, as a worker does.
 * @returns the claimed job
 * @throws when nothing is claimable
 */
export async function endNext(
  { jobs }: Store,
  { outcome = succeededWith(' there'), model = testModel }: { outcome?: Outcome; model?: ModelIdentity } = {},
): Promise<Job> {
  const claimed = await jobs.claim({ workerId: newId(), model, leaseMs: 30_000, fromClass: 0 });
  if (claimed === null) throw new Error('Nothing to claim.');
  await jobs.complete({ id: claimed.job.id, attempt: claimed.job.attempt }, outcome);
  return claimed.job;
}

/** The report of a worker that is ready, with one slot and no model. */
export const readyWorker = (changes: Partial<WorkerReport> = {}): WorkerReport => ({
  id: newId(),
  state: 'ready',
  loadProgress: null,
  note: null,
  model: null,
  slots: 1,
  busy: 0,
  speed: null,
  activity: null,
  ...changes,
});

export interface ServedTestModel {
  readonly contextLength: number;
  /** Default: one token a character. */
  readonly files?: TokenizerFiles;
  readonly vocabularySize?: number | undefined;
  readonly speed?: WorkerSpeed | null;
}

/** Reports a ready worker that has loaded `testModel`. */
export async function serveModel({ models, workers }: Store, options: ServedTestModel): Promise<void> {
  const { contextLength, files = characterTokenizer(), vocabularySize, speed = null } = options;
  const tokenizer = { tokenizer: files['tokenizer.json'], config: files['tokenizer_config.json'], vocabularySize };
  const { name, revision } = testModel;
  await models.save({ name, revision, contextLength, tokenizer: JSON.stringify(tokenizer) });
  await workers.report(readyWorker({ model: testModel, speed }));
}

const logger = createLogger({ name: 'test', level: 'silent', pretty: false });

export interface TestApiOptions extends Partial<ApiOptions> {
  /** Default: an SQLite file. */
  readonly databaseUrl?: string;
  /** Default: jobs are kept. */
  readonly retentionDays?: number;
}

export async function openTestApi({
  databaseUrl,
  retentionDays = 0,
  ...overrides
}: TestApiOptions = {}): Promise<TestApi> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-api-'));
  const store = openStore({ url: databaseUrl ?? `sqlite:${join(folder, 'test.db')}`, logger, retentionDays });
  await store.migrate();
  const queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger });
  const api = createApi({
    store,
    hints: queue.sender,
    wakeUps: queue.wakeUps,
    rateLimiter: queue.rateLimiter,
    transportProblems: () => [],
    logger,
    metrics: createMetrics(),
    tracing: noTracing,
    forbiddenWords: [],
    maxAttempts: 3,
    maxQueueLength: 100,
    maxQueuedTokens: 1_000_000,
    submitsPerMinute: 0,
    access: { auth: 'off' },
    trustedProxies: 0,
    webhooks: { isGuarded: true },
    basePath: undefined,
    corsOrigins: [],
    version: '0',
    findPage: async () => null,
    ...overrides,
  });
  return {
    api,
    store,
    async close() {
      api.beginShutdown();
      await store.stop();
      await rm(folder, { recursive: true });
    },
  };
}
