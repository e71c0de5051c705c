/** Lets pages of other origins use the API: none, unless they are named. */
import { AppError } from '@prosemill/core';
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

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A browser hides the answer from a page of another origin, and yet sends a POST without a body that the page asks for. Where there are no keys that
 * would be done. What is no browser does not say where it comes from.
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export const refuseForeignPages = (origins: readonly string[]): MiddlewareHandler<ApiEnv> =>
  async function foreignPages(c, next) {
    const site = c.req.header('Sec-Fetch-Site') ?? 'none';
    const isForeign = site === 'cross-site' || site === 'same-site';
    if (isForeign && !safeMethods.has(c.req.method) && !origins.includes(c.req.header('Origin') ?? '')) {
      throw new AppError('forbidden', { message: 'A page of another origin may not do this.' });
    }
    await next();
  };
