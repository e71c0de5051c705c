/** The security headers of every answer, errors included. A route that needs other values sets them itself. */
import { isLoopback, parseHost } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { ApiEnv } from '../api-env.ts';
import { isHttps, type TrustedProxies } from '../http/client-address.ts';

/**
 * For answers that are data. A browser that shows one runs nothing, loads nothing, and puts it in no frame. No cache
 * keeps an answer, which belongs to one owner; ETags still work for clients that remember them.
 */
export const dataHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
} as const;

const hstsValue = 'max-age=31536000';

export const securityHeaders: MiddlewareHandler<ApiEnv> = secureHeaders({
  xFrameOptions: 'DENY',
  // Not every installation has https: see `secureOriginHeaders`.
  strictTransportSecurity: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  overwrite: false,
});

/**
 * HTTP Strict Transport Security, where a trusted proxy reports that the client uses https; the headers that separate
 * the page from others in the browser there and on this machine. Elsewhere browsers ignore these, with a complaint in
 * their console.
 */
export const secureOriginHeaders = (trusted: TrustedProxies): MiddlewareHandler<ApiEnv> =>
  async function secureOrigin(c, next) {
    await next();
    const hasHttps = c.env?.incoming !== undefined && isHttps(c.env.incoming, trusted);
    if (hasHttps) c.res.headers.set('Strict-Transport-Security', hstsValue);
    if (hasHttps || isLoopback(parseHost(c.get('hostname')) ?? '')) {
      c.res.headers.set('Cross-Origin-Opener-Policy', 'same-origin');
      c.res.headers.set('Origin-Agent-Cluster', '?1');
    }
  };

/** Sets `dataHeaders` wherever the route has not set its own. */
export const dataHeaderDefaults: MiddlewareHandler<ApiEnv> = async function dataHeaderDefaults(c, next) {
  await next();
  const { headers } = c.res;
  for (const [name, value] of Object.entries(dataHeaders)) if (!headers.has(name)) headers.set(name, value);
};
