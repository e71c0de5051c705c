/** Queries have the names that their route declares, each once, on every route. */
import { type OpenAPIHono, z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { ApiEnv } from '../api-env.ts';
import { invalidRequest } from '../on-error.ts';

type QueryNames = ReadonlyMap<string, ReadonlySet<string>>;

/** Refuses a name that the route does not declare, and a name that is there twice. Routes outside the contract declare none. */
export function strictQuery(app: OpenAPIHono<ApiEnv>): MiddlewareHandler<ApiEnv> {
  // Routes are added to the app after its middleware.
  let queryNames: QueryNames | null = null;
  return async function withStrictQuery(c, next) {
    const route = matchedRoutes(c).at(-1);
    const isFound = route !== undefined && route.method !== 'ALL';
    if (isFound) refuseOthers(c.req.url, (queryNames ??= queryNamesOf(app)).get(`${route.method} ${route.path}`));
    await next();
  };
}

/** The names of a query for each route, by its method and path as Hono writes them. */
function queryNamesOf(app: OpenAPIHono<ApiEnv>): QueryNames {
  return new Map(
    app.openAPIRegistry.definitions.flatMap((definition) => {
      if (definition.type !== 'route') return [];
      const { method, path, request } = definition.route;
      const names = request?.query instanceof z.ZodObject ? Object.keys(request.query.shape) : [];
      return [[`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`, new Set(names)]];
    }),
  );
}

function refuseOthers(url: string, declared: ReadonlySet<string> = new Set()): void {
  const counts = new Map<string, number>();
  for (const name of new URL(url).searchParams.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const errors = [...counts].flatMap(([name, count]) => {
    if (!declared.has(name)) return [{ path: [name], message: 'is not a known name', code: 'unrecognized_keys' }];
    return count > 1 ? [{ path: [name], message: 'must be there once only', code: 'repeated_key' }] : [];
  });
  if (errors.length > 0) throw invalidRequest(errors);
}
