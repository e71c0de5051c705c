/** A worker's configuration, read from the environment. */
import { availableParallelism } from 'node:os';
import { commonConfig, httpUrl, oneLine, wholeNumber } from '@prosemill/composition';
import { readConfig } from '@prosemill/core';
import { z } from 'zod';

export const workerConfigSchema = z.object({
  ...commonConfig,
  /** TCP port of `/livez`, `/readyz` and `/metrics`; 0 picks a free one. */
  WORKER_PORT: wholeNumber({ min: 0, max: 65_535 }).default(8001),
  /** A hub id, a folder, or `shipped`. A worker of a fleet never falls back to another model; `pnpm start` may. */
  MODEL: oneLine.default('distilgpt2'),
  /** A commit, tag or branch on the hub. Default: the pinned commit of a known model, else `main`. */
  MODEL_REVISION: oneLine.optional(),
  /** `batched` for GPT-2 models, `transformers` for others. */
  ENGINE: z.enum(['auto', 'batched', 'transformers']).default('auto'),
  /** Generations at once. Default: 32 with `batched`, else 1. */
  WORKERS: wholeNumber({ min: 1, max: 256 }).optional(),
  /**
   * The weights' number format, by its name in transformers.js; `batched` knows fp32 and int8. Default: with `batched`
   * the fastest that passed the model's quality gate (`pnpm quality`), else fp32.
   */
  MODEL_DTYPE: z.enum(['fp32', 'fp16', 'q8', 'int8', 'uint8', 'q4', 'bnb4', 'q4f16']).optional(),
  /** Folder of downloaded models. */
  MODEL_DIR: oneLine.default('data/models'),
  /** The hub, or a mirror of it. */
  HF_ENDPOINT: httpUrl.default('https://huggingface.co'),
  /** Threads of the engine. */
  ENGINE_THREADS: wholeNumber({ min: 1, max: 256 }).default(availableParallelism()),
  /** An engine that is silent for this long is killed and restarted. Longer than a step of the largest model. */
  ENGINE_HANG_SECONDS: wholeNumber({ min: 1, max: 3_600 }).default(30),
  /** A claim lasts this long without a renewal; then another worker gets the job. */
  LEASE_SECONDS: wholeNumber({ min: 3, max: 3_600 }).default(30),
  /** Time for running jobs to finish on SIGTERM, SIGHUP or SIGQUIT before they are handed back. */
  SHUTDOWN_GRACE_SECONDS: wholeNumber({ min: 0, max: 3_600 }).default(25),
});

export type WorkerConfig = z.infer<typeof workerConfigSchema>;

/** The configuration without the probes' port. MODEL is not set where the worker may fall back to the shipped model. */
export type WorkerSettings = Readonly<Omit<WorkerConfig, 'WORKER_PORT' | 'MODEL'>> & {
  readonly MODEL?: string | undefined;
};

/** @throws {ConfigError} with all problems */
export const readWorkerConfig = (): Readonly<WorkerConfig> => readConfig(workerConfigSchema, process.env);

export const engineOptions = (config: WorkerSettings) => ({
  model: config.MODEL,
  revision: config.MODEL_REVISION,
  engine: config.ENGINE,
  slots: config.WORKERS,
  dtype: config.MODEL_DTYPE,
  modelDir: config.MODEL_DIR,
  hubEndpoint: config.HF_ENDPOINT,
  threads: config.ENGINE_THREADS,
  hangLimitMs: config.ENGINE_HANG_SECONDS * 1_000,
});
