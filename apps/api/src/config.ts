/** The API's configuration, read from the environment. */
import { commonConfig, oneLine, wholeNumber, wordList } from '@prosemill/composition';
import { readConfig } from '@prosemill/core';
import { z } from 'zod';
import { basePathSchema } from './http/base-path.ts';
import { trustedProxiesSchema } from './http/client-address.ts';

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;

const originList = wordList.refine((origins) => origins.every(isOrigin), {
  error: 'must be origins such as https://example.com, comma-separated',
});

export const apiConfigSchema = z.object({
  ...commonConfig,
  /** TCP port of the API; 0 picks a free one. */
  PORT: wholeNumber({ min: 0, max: 65_535 }).default(8000),
  /** `off`: no keys, one owner named `local`. `keys`: requests need a key. Default: `off` on a loopback HOST. */
  AUTH: z.enum(['off', 'keys']).optional(),
  /** A secret of at least 32 characters that may create API keys at /admin/keys; for the first start with keys. */
  ADMIN_KEY: z
    .string()
    .regex(/^[\w\-.~+/]{32,255}=*$/, { error: 'must have 32 to 255 letters, digits or -._~+/ (and = at its end)' })
    .optional(),
  /** Attempts at a job before a transient error is final. */
  MAX_ATTEMPTS: wholeNumber({ min: 1, max: 100 }).default(3),
  /** Jobs of all owners that may wait at once; a full queue refuses new ones. */
  MAX_QUEUE_LENGTH: wholeNumber({ min: 1 }).default(10_000),
  /** The token budgets of all waiting jobs together; an empty queue takes any job. */
  MAX_QUEUED_TOKENS: wholeNumber({ min: 1 }).default(1_000_000),
  /** Submits of one key; it may send ten times as many other requests. 0: no limit. */
  RATE_LIMIT_PER_MINUTE: wholeNumber({ min: 0 }).default(600),
  /** Proxies before the API that name clients in X-Forwarded-For: their number, or their addresses and CIDR blocks. */
  TRUSTED_PROXIES: trustedProxiesSchema.default(0),
  /** Webhooks may go to private, loopback and other special addresses. */
  WEBHOOK_ALLOW_PRIVATE: z.stringbool().default(false),
  /** Path prefix that a proxy removes; not set: X-Forwarded-Prefix of a trusted proxy, or none. */
  BASE_PATH: basePathSchema.optional(),
  /** The folder of the page that browsers get at `/`: `index.html` and `assets/`. */
  PAGE_DIR: oneLine.optional(),
  /** Comma-separated origins whose pages may use the API; without keys their hosts are names of the API. */
  CORS_ORIGINS: originList.default([]),
});

export type ApiConfig = z.infer<typeof apiConfigSchema>;

/** @throws {ConfigError} with all problems */
export const readApiConfig = (): Readonly<ApiConfig> => readConfig(apiConfigSchema, process.env);
