/** Whose request it is. */
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { localCaller } from '../caller.ts';

export const authenticate: MiddlewareHandler<ApiEnv> = async function authenticate(c, next) {
  c.set('caller', localCaller);
  await next();
};
