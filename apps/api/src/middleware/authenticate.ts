/** Whose request it is, and whether they may. */
import { requiredScope } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { nobody } from '../caller.ts';
import type { IdentifyCaller } from '../services/identify-caller.ts';

export const authenticate = (identify: IdentifyCaller): MiddlewareHandler<ApiEnv> =>
  async function authenticated(c, next) {
    const scope = requiredScope(c.req.method, c.req.path);
    const { clientAddress } = c.var;
    const caller =
      scope === null ? nobody : await identify({ authorization: c.req.header('Authorization'), clientAddress });
    c.set('caller', caller);
    if (scope !== null && !caller.scopes.includes(scope)) {
      throw new AppError('forbidden', { message: `This needs an API key with the scope ${scope}.` });
    }
    await next();
  };
