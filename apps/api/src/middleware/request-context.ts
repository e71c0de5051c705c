/**
 * Sets the id, client, trace and policy of each request, and afterwards, for a stream at its end, writes one log line
 * and one duration. These never contain a body, a query, or a path that is no route's.
 */
import { childOf, type Logger, newId, parseTraceparent } from '@prosemill/core';
import { logFieldsOfTrace } from '@prosemill/telemetry';
import type { Context, MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiMetrics } from '../api-metrics.ts';
import { clientAddress, forwardedPrefix, type TrustedProxies } from '../http/client-address.ts';
import type { StreamEnd } from '../http/event-streams.ts';
import type { RouteMatch } from '../route-table.ts';

const validRequestId = /^[A-Za-z0-9_-]{1,64}$/;

export interface RequestContextOptions {
  readonly findRoute: (c: Context<ApiEnv>) => RouteMatch;
  readonly logger: Logger;
  readonly observeRequest: ApiMetrics['observeRequest'];
  readonly trustedProxies: TrustedProxies;
  /** BASE_PATH; not set: the prefix that a trusted proxy sends. */
  readonly basePath: string | undefined;
}

export function requestContext(options: RequestContextOptions): MiddlewareHandler<ApiEnv> {
  const { findRoute, logger, observeRequest, trustedProxies } = options;
  return async function withContext(c, next) {
    const { route, policy } = findRoute(c);
    c.set('route', route);
    c.set('policy', policy);
    const given = c.req.header('X-Request-Id');
    const requestId = given !== undefined && validRequestId.test(given) ? given : newId();
    c.set('requestId', requestId);
    c.set('hostname', new URL(c.req.url).hostname);
    const incoming = c.env?.incoming;
    c.set('clientAddress', incoming === undefined ? '' : clientAddress(incoming, trustedProxies));
    c.set('basePath', options.basePath ?? (incoming === undefined ? '' : forwardedPrefix(incoming, trustedProxies)));
    c.header('X-Request-Id', requestId);
    const parent = parseTraceparent(c.req.header('traceparent'));
    const context = childOf(parent);
    const requestLogger = logger.child({ requestId, ...logFieldsOfTrace(context) });
    c.set('trace', { context, parent });
    c.set('logger', requestLogger);
    const startedAt = performance.now();
    await next();
    const record = (end: StreamEnd | undefined): void => {
      const durationMs = performance.now() - startedAt;
      const { method } = c.req;
      const { status } = c.res;
      const path = route?.path ?? 'unmatched';
      // Undefined for a request that was refused before its authentication.
      const keyId = (c.get('caller') as Caller | undefined)?.keyId;
      const jobId = c.get('jobId');
      observeRequest(durationMs / 1_000, { method, route: path, status_class: `${Math.floor(status / 100)}xx` });
      const fields = {
        method,
        route: path,
        status,
        client: c.get('clientAddress'),
        ...(keyId == null ? {} : { keyId }),
        ...(jobId === undefined ? {} : { jobId }),
        ...end,
        durationMs: Math.round(durationMs),
      };
      // Probes are so frequent that their lines would drown the rest.
      if (route?.policy.isProbe === true) requestLogger.debug(fields, 'request');
      else requestLogger.info(fields, 'request');
    };
    const streamEnd = c.get('streamEnd');
    if (streamEnd === undefined) record(undefined);
    else void streamEnd.then(record);
  };
}
