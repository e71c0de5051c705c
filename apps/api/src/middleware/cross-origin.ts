/** Lets pages of other origins use the API: none, unless they are named. */
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { ApiEnv } from '../api-env.ts';

/** What browsers would hide from scripts. */
const exposeHeaders = [
  'ETag',
  'Idempotent-Replayed',
  'Link',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Server-Timing',
  'X-Request-Id',
  'retry-after-ms',
  'x-should-retry',
];
const allowHeaders = [
  'Authorization',
  'Cache-Control',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'Prefer',
  'X-Request-Id',
  'traceparent',
];
/** What browsers remember of a preflight, seconds. */
const maxAge = 600;

/** Without credentials: keys travel in `Authorization`, and there are no cookies. */
export const crossOrigin = (origins: readonly string[]): MiddlewareHandler<ApiEnv> =>
  cors({ origin: [...origins], allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'], allowHeaders, exposeHeaders, maxAge });
