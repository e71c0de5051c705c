/** The configuration keys of every process, and the kinds of values that the keys of an app are made of. */
import {
  defaultForbiddenWords,
  hostProblem,
  isWholeNumber,
  type NumberRange,
  parseHost,
  wholeNumberProblem,
} from '@prosemill/core';
import { readDatabaseUrl } from '@prosemill/store';
import { logLevels } from '@prosemill/telemetry';
import { z } from 'zod';

export const wholeNumber = (range: NumberRange) =>
  z
    .string()
    .refine((text) => isWholeNumber(text, range), { error: ({ input }) => wholeNumberProblem(range, input) })
    .transform(Number);

export const oneLine = z
  .string()
  .regex(/^\S(?:.*\S)?$/u, { error: 'must not begin or end with a blank, or have a line break' });

export const httpUrl = oneLine.pipe(z.url({ protocol: /^https?$/ }));

/** Comma-separated; blanks around a word are not part of it. */
export const wordList = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  )
  .refine((words) => words.length > 0, { error: 'has no entries; leave it empty or remove it for the default' });

/** An IPv6 address is stored without the brackets that it has in URLs. */
const host = z
  .string()
  .refine((text) => parseHost(text) !== null, { error: ({ input }) => hostProblem(input) })
  .transform((text) => parseHost(text) ?? text);

const databaseUrl = z.string().transform((text, context) => {
  const { url, problems } = readDatabaseUrl(text);
  for (const problem of problems) context.addIssue(problem);
  return url;
});

/** To be spread into the schema of an app. */
export const commonConfig = {
  /** Address that the process listens on. */
  HOST: host.default('127.0.0.1'),
  /** Comma-separated. The API refuses a prompt that contains one of them, and the worker checks again. */
  FORBIDDEN_WORDS: wordList.default([...defaultForbiddenWords]),
  /** `sqlite:PATH` or `postgres://…`. */
  DATABASE_URL: databaseUrl.default('sqlite:data/prosemill.db'),
  /** Days from the end of a job until it is deleted; 0: jobs are kept. The API shows it, the worker does it. */
  RETENTION_DAYS: wholeNumber({ min: 0, max: 36_500 }).default(0),
  /** `redis://…`; not set: hints go through the database. */
  REDIS_URL: z.string().optional(),
  LOG_LEVEL: z.enum(logLevels).default('info'),
  /** Readable lines instead of JSON. Default: true on a terminal. */
  LOG_PRETTY: z.stringbool().default(process.stdout.isTTY),
  /** Base URL of an OpenTelemetry collector, which gets the spans by OTLP over HTTP; not set: spans are dropped. */
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  /** An injected fault, for tests: `name:action`, see core's failpoint.ts. Refused when NODE_ENV is `production`. */
  FAILPOINT: oneLine.optional(),
  NODE_ENV: oneLine.optional(),
};

export type CommonConfig = z.infer<z.ZodObject<typeof commonConfig>>;
