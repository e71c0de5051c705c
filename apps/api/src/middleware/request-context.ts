/** The id, the sender and the trace of a request, and what is said of it afterwards: one log line and one duration, never a body, a query or a path that a client made up. */
import { childOf, type Logger, newId, parseTraceparent } from '@prosemill/core';
import { logFieldsOfTrace } from '@prosemill/telemetry';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { ApiEnv } from '../api-env.ts';
import type { ApiMetrics } from '../api-metrics.ts';
import { clientAddress, forwardedPrefix, type TrustedProxies } from '../client-address.ts';

const validRequestId = /^[A-Za-z0-9_-]{1,64}$/;

/** Paths that are asked so often by machines that a line each would drown the rest. */
export const quietPaths: ReadonlySet<string> = new Set(['/health', '/livez', '/readyz', '/metrics']);

export interface RequestContextOptions {
  readonly logger: Logger;
  readonly observeRequest: ApiMetrics['observeRequest'];
  readonly trustedProxies: TrustedProxies;
  /** BASE_PATH; not set: what a trusted proxy says. */
  readonly basePath: string | undefined;
}

export function requestContext(options: RequestContextOptions): MiddlewareHandler<ApiEnv> {
  const { logger, observeRequest, trustedProxies } = options;
  return async function withContext(c, next) {
    const given = c.req.header('X-Request-Id');
    const requestId = given !== undefined && validRequestId.test(given) ? given : newId();
    c.set('requestId', requestId);
    c.set('clientAddress', c.env?.incoming === undefined ? '' : clientAddress(c.env.incoming, trustedProxies));
    c.set(
      'basePath',
      options.basePath ?? (c.env?.incoming === undefined ? '' : forwardedPrefix(c.env.incoming, trustedProxies)),
    );
    c.header('X-Request-Id', requestId);
    const parent = parseTraceparent(c.req.header('traceparent'));
    const context = childOf(parent);
    const requestLogger = logger.child({ requestId, ...logFieldsOfTrace(context) });
    c.set('trace', { context, parent });
    c.set('logger', requestLogger);
    const startedAt = performance.now();
    await next();
    const durationMs = performance.now() - startedAt;
    const { method } = c.req;
    const { status } = c.res;
    const route = routeOf(c);
    observeRequest(durationMs / 1_000, { method, route, status_class: `${Math.floor(status / 100)}xx` });
    const fields = {
      method,
      route,
      status,
      client: c.var.clientAddress,
      ...(c.var.caller?.keyId == null ? {} : { keyId: c.var.caller.keyId }),
      ...(c.var.jobId === undefined ? {} : { jobId: c.var.jobId }),
      durationMs: Math.round(durationMs),
    };
    if (quietPaths.has(route)) requestLogger.debug(fields, 'request');
    else requestLogger.info(fields, 'request');
  };
}

/** As /openapi.json has it, such as `/jobs/{id}`; `unmatched` for a path or method that there is not. */
function routeOf(c: Context<ApiEnv>): string {
  const path = matchedRoutes(c).at(-1)?.path;
  return path === undefined || path.endsWith('*') ? 'unmatched' : path.replaceAll(/:(\w+)/g, '{$1}');
}
