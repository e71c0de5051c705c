/** Whose request it is, and whether they may. */
import { metricsRoute, requiredScope } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { nobody } from '../caller.ts';
import type { IdentifyCaller } from '../services/identify-caller.ts';

export const authenticate = (identify: IdentifyCaller): MiddlewareHandler<ApiEnv> =>
  async function authenticated(c, next) {
    const isOpen = requiredScope(c.req.method, c.req.path) === null;
    const credentials = {
      authorization: c.req.header('Authorization'),
      clientAddress: c.var.clientAddress,
      needsDatabase: c.req.path !== metricsRoute.path,
    };
    c.set('caller', isOpen ? nobody : await identify(credentials));
    await next();
  };

/** After the rate limit: what a key may not do counts as much as what it may. */
export const requireScope: MiddlewareHandler<ApiEnv> = async function authorized(c, next) {
  const scope = requiredScope(c.req.method, c.req.path);
  if (scope !== null && !c.var.caller.scopes.includes(scope)) {
    throw new AppError('forbidden', { message: `This needs an API key with the scope ${scope}.` });
  }
  await next();
};
