/** Lets pages of other origins use the API: none, unless they are named. */
import { isIPv4 } from 'node:net';
import { AppError } from '@prosemill/core';
import type { HonoRequest, MiddlewareHandler } from 'hono';
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

/**
 * A name that somebody else may own can lead to this machine, and a page there would be of the same origin, free to read and to do everything: DNS
 * rebinding. Where there are no keys nothing else would be in its way. Nobody owns an address, or a name without a dot, such as `localhost` or the one of
 * a service in a network of containers.
 */
export function refuseForeignHosts(origins: readonly string[]): MiddlewareHandler<ApiEnv> {
  const own: ReadonlySet<string> = new Set(origins.map((origin) => new URL(origin).hostname));
  return async function foreignHosts(c, next) {
    const { hostname } = new URL(c.req.url);
    if (hostname.includes('.') && !isIPv4(hostname) && !hostname.endsWith('.localhost') && !own.has(hostname)) {
      throw new AppError('misdirected_request', {
        message: 'Without keys this service has no such name, unless CORS_ORIGINS has it.',
      });
    }
    await next();
  };
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A browser hides the answer from a page of another origin, and yet sends a POST without a body that the page asks for. Where there are no keys that
 * would be done.
 */
export const refuseForeignPages = (origins: readonly string[]): MiddlewareHandler<ApiEnv> =>
  async function foreignPages(c, next) {
    if (!safeMethods.has(c.req.method) && isOfForeignPage(c.req, origins)) {
      throw new AppError('forbidden', { message: 'A page of another origin may not do this.' });
    }
    await next();
  };

/**
 * Browsers tell `Sec-Fetch-Site` to https and to this machine alone, and `Origin` with all that is not safe. What is no browser tells neither.
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
function isOfForeignPage(request: HonoRequest, origins: readonly string[]): boolean {
  const origin = request.header('Origin');
  if (origin !== undefined && origins.includes(origin)) return false;
  const site = request.header('Sec-Fetch-Site');
  if (site !== undefined) return site === 'cross-site' || site === 'same-site';
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== new URL(request.url).host);
}
