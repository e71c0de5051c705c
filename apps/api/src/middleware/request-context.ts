/** The id of a request, and one log line for it: never a body, never a query. */
import type { Logger } from '@prosemill/core';
import { newId } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';

const validRequestId = /^[A-Za-z0-9_-]{1,64}$/;

/** Paths that are asked so often by machines that a line each would drown the rest. */
const quietPaths: ReadonlySet<string> = new Set(['/health', '/livez', '/readyz', '/metrics']);

export function requestContext(logger: Logger): MiddlewareHandler<ApiEnv> {
  return async function withContext(c, next) {
    const given = c.req.header('X-Request-Id');
    const requestId = given !== undefined && validRequestId.test(given) ? given : newId();
    c.set('requestId', requestId);
    c.header('X-Request-Id', requestId);
    const startedAt = performance.now();
    await next();
    const fields = {
      requestId,
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      durationMs: Math.round(performance.now() - startedAt),
    };
    if (quietPaths.has(c.req.path)) logger.debug(fields, 'request');
    else logger.info(fields, 'request');
  };
}
