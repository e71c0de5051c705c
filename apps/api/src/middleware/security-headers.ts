/** What every answer says to browsers, errors included: trust nothing here but what is said. A route that needs more says so itself. */
import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { ApiEnv } from '../api-env.ts';
import { isHttps, type TrustedProxies } from '../client-address.ts';

/** Of answers that are data: a browser that shows one runs nothing, loads nothing, and puts it in no frame. */
const dataPolicy = { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] };

const hstsValue = 'max-age=31536000';

export const securityHeaders: MiddlewareHandler<ApiEnv> = secureHeaders({
  contentSecurityPolicy: dataPolicy,
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
      c.header('Strict-Transport-Security', hstsValue);
    }
  };

/** Answers are somebody's: no cache on the way keeps them. ETags still work for clients that remember them. */
export const keepPrivate: MiddlewareHandler<ApiEnv> = async function noStore(c, next) {
  await next();
  if (!c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store');
};
