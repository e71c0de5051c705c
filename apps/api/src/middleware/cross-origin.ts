/** Pages of other origins: CORS for the named ones, and protection from CSRF and DNS rebinding by all others. */
import { isIPv4 } from 'node:net';
import { jobIdHeader } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { HonoRequest, MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { ApiEnv } from '../api-env.ts';

/** Headers that browsers would otherwise hide from scripts. */
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
  'openai-poll-after-ms',
  'retry-after-ms',
  jobIdHeader,
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
/** How long browsers remember a preflight, seconds. */
const maxAge = 600;

/** Without credentials: keys travel in `Authorization`, and there are no cookies. */
export const crossOrigin = (origins: readonly string[]): MiddlewareHandler<ApiEnv> =>
  cors({ origin: [...origins], allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'], allowHeaders, exposeHeaders, maxAge });

/**
 * Protects installations without keys from DNS rebinding: an attacker's page whose name resolves to this machine would
 * have the origin of this service. No attacker owns an address or a name without a dot (`localhost`, a container).
 */
export function dnsRebindingProtection(origins: readonly string[]): MiddlewareHandler<ApiEnv> {
  const own: ReadonlySet<string> = new Set(origins.map((origin) => new URL(origin).hostname));
  return async function dnsRebinding(c, next) {
    const hostname = c.get('hostname');
    if (hostname.includes('.') && !isIPv4(hostname) && !hostname.endsWith('.localhost') && !own.has(hostname)) {
      throw new AppError('misdirected_request', {
        message:
          'Without API keys this service answers to this host only if an origin in CORS_ORIGINS has it. It answers to its addresses, such as 127.0.0.1, and to names without a dot.',
      });
    }
    await next();
  };
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Protects from cross-site request forgery (CSRF): a browser hides the answer from a page of another origin, but sends
 * its POST, which a service without keys would obey. Hono's `csrf` lets JSON pass, and refuses clients like curl.
 */
export const csrfProtection = (origins: readonly string[]): MiddlewareHandler<ApiEnv> =>
  async function csrf(c, next) {
    if (!safeMethods.has(c.req.method) && isCrossSite(c.req, origins)) {
      throw new AppError('forbidden', { message: 'A page of another origin may not do this.' });
    }
    await next();
  };

/**
 * Browsers send `Sec-Fetch-Site` only over https and to this machine, and `Origin` with every unsafe method.
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
function isCrossSite(request: HonoRequest, origins: readonly string[]): boolean {
  const origin = request.header('Origin');
  if (origin !== undefined && origins.includes(origin)) return false;
  const site = request.header('Sec-Fetch-Site');
  if (site !== undefined) return site === 'cross-site' || site === 'same-site';
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== new URL(request.url).host);
}
