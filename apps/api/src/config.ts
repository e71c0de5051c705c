/** What the API takes from the environment. */
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
import { basePathSchema } from './base-path.ts';
import { trustedProxiesSchema } from './client-address.ts';

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

const originList = wordList.refine((origins) => origins.every(isOrigin), {
  error: 'must be origins such as https://example.com, comma-separated',
});

export const apiConfigSchema = z.object({
  /** TCP port of the API; 0 picks a free one. */
  PORT: wholeNumber({ min: 0, max: 65_535 }).default(8000),
  /** Address the API listens on. */
  HOST: host.default('127.0.0.1'),
  /** `off`: no keys, one owner named `local`. `keys`: every request needs one. Default: `off` if HOST is loopback, else `keys`. */
  AUTH: z.enum(['off', 'keys']).optional(),
  /** With keys: a secret of your own that makes them by /admin/keys, for the first start. At least 32 characters. */
  ADMIN_KEY: z
    .string()
    .regex(/^[\w\-.~+/]{32,255}=*$/, { error: 'must have 32 to 255 letters, digits or -._~+/ (and = at its end)' })
    .optional(),
  /** Comma-separated; a prompt that contains one of them is refused. */
  FORBIDDEN_WORDS: wordList.default([...defaultForbiddenWords]),
  /** Attempts at a job before a transient error is final. */
  MAX_ATTEMPTS: wholeNumber({ min: 1, max: 100 }).default(3),
  /** Jobs that may wait at once, of all owners; with as many, new ones are refused. */
  MAX_QUEUE_LENGTH: wholeNumber({ min: 1 }).default(10_000),
  /** Submits of one key; everything else ten times as often. 0: no limit. */
  RATE_LIMIT_PER_MINUTE: wholeNumber({ min: 0 }).default(600),
  /** Proxies before the API that name its clients in X-Forwarded-For: how many, or their addresses and CIDR blocks. */
  TRUSTED_PROXIES: trustedProxiesSchema.default(0),
  /** The path under which clients see the API, where a proxy takes it off; not set: X-Forwarded-Prefix of a trusted proxy, or none. */
  BASE_PATH: basePathSchema.optional(),
  /** Comma-separated origins whose pages may use the API, and by whose hosts it may be called without keys; not set: none. */
  CORS_ORIGINS: originList.default([]),
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

export type ApiConfig = z.infer<typeof apiConfigSchema>;

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

/** @throws {ConfigError} with all problems */
export const readApiConfig = (): Readonly<ApiConfig> => readConfig(apiConfigSchema, process.env);
