/** The Hono app: the middleware that every request passes, in order, in front of the routes. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { wrongValuesOf } from '@prosemill/contract';
import { AppError } from '@prosemill/core';
import { methodNotAllowed } from 'hono/method-not-allowed';
import type { Access } from './auth/access.ts';
import type { ApiEnv } from './api-env.ts';
import { authenticate, requireScope } from './middleware/authenticate.ts';
import { crossOrigin, csrfProtection, dnsRebindingProtection } from './middleware/cross-origin.ts';
import { jsonBody } from './middleware/json-body.ts';
import { limitRate, type RateLimitOptions } from './middleware/limit-rate.ts';
import { requestContext, type RequestContextOptions } from './middleware/request-context.ts';
import { dataHeaderDefaults, secureOriginHeaders, securityHeaders } from './middleware/security-headers.ts';
import { strictQuery } from './middleware/strict-query.ts';
import { closeWhileStopping, refuseWhileStopping } from './middleware/while-stopping.ts';
import { errorResponse, invalidHeader, invalidRequest, onError } from './on-error.ts';
import { createRouteTable, type RouteTable } from './route-table.ts';
import type { IdentifyCaller } from './auth/identify-caller.ts';

export interface AppOptions extends Omit<RequestContextOptions, 'findRoute'>, RateLimitOptions {
  readonly access: Access;
  readonly identify: IdentifyCaller;
  /** The origins of pages that may use the API; without keys their hosts are names of the API too. */
  readonly corsOrigins: readonly string[];
  readonly isStopping: () => boolean;
  readonly addRoutes: (table: RouteTable) => void;
}

/** @throws when a route has no policy */
export function createApp(options: AppOptions): OpenAPIHono<ApiEnv> {
  const { corsOrigins, isStopping } = options;
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      throw result.target === 'header' ? invalidHeader(result.error) : invalidRequest(wrongValuesOf(result.error));
    },
  });
  const table = createRouteTable(app);
  app.use(requestContext({ ...options, findRoute: table.find }), closeWhileStopping(isStopping));
  app.use(securityHeaders, secureOriginHeaders(options.trustedProxies), dataHeaderDefaults);
  if (options.access.auth === 'off') app.use(dnsRebindingProtection(corsOrigins));
  // Before authentication: a preflight has no key.
  if (corsOrigins.length > 0) app.use(crossOrigin(corsOrigins));
  app.use(csrfProtection(corsOrigins));
  app.use(authenticate(options.identify), limitRate(options), requireScope);
  app.use(strictQuery, jsonBody);
  // After the body: closing a connection with unread bytes resets it, and the answer is lost.
  app.use(refuseWhileStopping(isStopping));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        const allowed = methods.join(', ');
        c.header('Allow', allowed);
        return errorResponse(c, new AppError('method_not_allowed', { message: `Allowed here: ${allowed}.` }));
      },
    }),
  );
  options.addRoutes(table);
  table.requirePolicies();
  app.notFound((c) => errorResponse(c, new AppError('not_found', { message: 'There is no such path.' })));
  app.onError(onError);
  return app;
}
