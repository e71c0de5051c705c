/** Authentication by API key, and authorization by the scope that the policy of the route names. */
import { scopesOf } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { anonymousCaller } from '../auth/caller.ts';
import type { IdentifyCaller } from '../auth/identify-caller.ts';

export const authenticate = (identify: IdentifyCaller): MiddlewareHandler<ApiEnv> =>
  async function authenticated(c, next) {
    const { scope, isProbe } = c.get('policy');
    const credentials = { authorization: c.req.header('Authorization'), needsDatabase: !isProbe };
    c.set('caller', scope === null ? anonymousCaller : await identify(credentials));
    await next();
  };

/** Runs after the rate limit: a request without the scope counts like any other. */
export const requireScope: MiddlewareHandler<ApiEnv> = async function authorized(c, next) {
  const enough = scopesOf(c.get('policy'));
  if (enough.length > 0 && !c.get('caller').scopes.some((scope) => enough.includes(scope))) {
    throw new AppError('forbidden', { message: `This needs an API key with the scope ${enough.join(' or ')}.` });
  }
  await next();
};
