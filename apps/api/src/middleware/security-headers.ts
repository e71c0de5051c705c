/** What every answer says to browsers, errors included: trust nothing here but what is said. A route that needs more says so itself. */
import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { ApiEnv } from '../api-env.ts';
import { isHttps, type TrustedProxies } from '../client-address.ts';

/**
 * Of answers that are data. A browser that shows one runs nothing, loads nothing, and puts it in no frame. Answers are somebody's: no cache on
 * the way keeps them, and ETags still work for clients that remember them.
 */
export const dataHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
} as const;

const hstsValue = 'max-age=31536000';

export const securityHeaders: MiddlewareHandler<ApiEnv> = secureHeaders({
  xFrameOptions: 'DENY',
  // Not every installation has https; see `sayHttpsOnly`.
  strictTransportSecurity: false,
  overwrite: false,
});

/** HSTS, where a proxy of ours says that the client came by https. */
export const sayHttpsOnly = (trusted: TrustedProxies): MiddlewareHandler<ApiEnv> =>
  async function httpsOnly(c, next) {
    await next();
    if (c.env?.incoming !== undefined && isHttps(c.env.incoming, trusted)) {
      c.res.headers.set('Strict-Transport-Security', hstsValue);
    }
  };

/** On every answer whose route has not said otherwise. */
export const treatAsData: MiddlewareHandler<ApiEnv> = async function asData(c, next) {
  await next();
  const { headers } = c.res;
  for (const [name, value] of Object.entries(dataHeaders)) if (!headers.has(name)) headers.set(name, value);
};
