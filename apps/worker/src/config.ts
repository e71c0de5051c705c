/** What a worker takes from the environment. */
import { availableParallelism } from 'node:os';
import {
  defaultForbiddenWords,
  hostProblem,
  isWholeNumber,
  type NumberRange,
  parseHost,
  readConfig,
  wholeNumberProblem,
} from '@prosemill/core';
import { readDatabaseUrl } from '@prosemill/store';
import { logLevels } from '@prosemill/telemetry';
import { z } from 'zod';

const wholeNumber = (range: NumberRange) =>
  z
    .string()
    .refine((text) => isWholeNumber(text, range), { error: ({ input }) => wholeNumberProblem(range, input) })
    .transform(Number);

const oneLine = z
  .string()
  .regex(/^\S(?:.*\S)?$/u, { error: 'must not begin or end with a blank, or have a line break' });

/** Without the brackets that an IPv6 address has in URLs. */
const host = z
  .string()
  .refine((text) => parseHost(text) !== null, { error: ({ input }) => hostProblem(input) })
  .transform((text) => parseHost(text) ?? text);

const wordList = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  )
  .refine((words) => words.length > 0, { error: 'names nothing; leave it empty, or take it away, for the default' });

const databaseUrl = z.string().transform((text, context) => {
  const { url, problems } = readDatabaseUrl(text);
  for (const problem of problems) context.addIssue(problem);
  return url;
});

export const workerConfigSchema = z.object({
  /** TCP port of `/livez`, `/readyz` and `/metrics`; 0 picks a free one. */
  WORKER_PORT: wholeNumber({ min: 0, max: 65_535 }).default(8001),
  /** Address that port is opened on. */
  HOST: host.default('127.0.0.1'),
  /** A hub id, a folder, or `shipped`. Not set: distilgpt2; `pnpm start` runs the shipped model if that cannot be had. */
  MODEL: oneLine.optional(),
  /** A commit, tag or branch on the hub; default: the pinned one of a known model, else `main`. */
  MODEL_REVISION: oneLine.optional(),
  /** `batched` for GPT-2 models, `transformers` for others. */
  ENGINE: z.enum(['auto', 'batched', 'transformers']).default('auto'),
  /** Generations at once; default 32 with `batched`, else 1. */
  WORKERS: wholeNumber({ min: 1, max: 256 }).optional(),
  /**
   * The weights' number format, as transformers.js names them; `batched` knows fp32 and int8. Not set: with `batched` the fastest
   * that passed the model's quality gate (`pnpm quality`), else fp32.
   */
  MODEL_DTYPE: z.enum(['fp32', 'fp16', 'q8', 'int8', 'uint8', 'q4', 'bnb4', 'q4f16']).optional(),
  /** Where downloaded models are kept. */
  MODEL_DIR: oneLine.default('data/models'),
  /** The hub, or a mirror of it. */
  HF_ENDPOINT: oneLine.pipe(z.url({ protocol: /^https?$/ })).default('https://huggingface.co'),
  /** Threads of the engine. */
  ENGINE_THREADS: wholeNumber({ min: 1, max: 256 }).default(availableParallelism()),
  /** An engine that is silent for so long is killed and started again; a step of the largest model must fit in. */
  ENGINE_HANG_SECONDS: wholeNumber({ min: 1, max: 3_600 }).default(30),
  /** Comma-separated; the worker checks prompts with the same list again. */
  FORBIDDEN_WORDS: wordList.default([...defaultForbiddenWords]),
  /** How long a job stays with a worker that does not say anything. */
  LEASE_SECONDS: wholeNumber({ min: 3, max: 3_600 }).default(30),
  /** The time that running jobs get to finish on SIGTERM, SIGHUP or SIGQUIT before they are handed back. */
  SHUTDOWN_GRACE_SECONDS: wholeNumber({ min: 0, max: 3_600 }).default(25),
  /** `sqlite:PATH` or `postgres://…`. */
  DATABASE_URL: databaseUrl.default('sqlite:data/prosemill.db'),
  /** `redis://…`; not set: hints go through the database. */
  REDIS_URL: z.string().optional(),
  LOG_LEVEL: z.enum(logLevels).default('info'),
  /** Readable lines instead of JSON; default: on a terminal. */
  LOG_PRETTY: z.stringbool().default(process.stdout.isTTY),
  /** The base URL of an OpenTelemetry collector, which gets spans by OTLP over HTTP; not set: nobody does. */
  OTEL_EXPORTER_OTLP_ENDPOINT: oneLine.pipe(z.url({ protocol: /^https?$/ })).optional(),
  /** A fault on purpose, for tests: `name:action`, see core's failpoint.ts. Refused when NODE_ENV is `production`. */
  FAILPOINT: oneLine.optional(),
  NODE_ENV: oneLine.optional(),
});

export type WorkerConfig = z.infer<typeof workerConfigSchema>;

/** @throws {ConfigError} with all problems */
export const readWorkerConfig = (): Readonly<WorkerConfig> => readConfig(workerConfigSchema, process.env);

/** The part that the engine reads. */
export const engineOptions = (config: Readonly<Omit<WorkerConfig, 'WORKER_PORT'>>) => ({
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

/** Of a worker in a fleet, which never runs another model than it was meant to. */
export const fleetEngineOptions = (config: Readonly<WorkerConfig>) => ({
  ...engineOptions(config),
  model: config.MODEL ?? 'distilgpt2',
});
