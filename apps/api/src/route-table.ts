/** The routes of an app with their policies. Finds the route of a request. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { closedPolicy, type ContractRoute, eventSchemas } from '@prosemill/contract';
import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { RouterRoute } from 'hono/types';
import type { ApiEnv } from './api-env.ts';

export type RouteMatch = Pick<ApiEnv['Variables'], 'route' | 'policy'>;
export type RouteTable = ReturnType<typeof createRouteTable>;
export type AddRoute = RouteTable['add'];

const keyOf = ({ method, path }: Pick<RouterRoute, 'method' | 'path'>): string => `${method} ${path}`;

export function createRouteTable(app: OpenAPIHono<ApiEnv>) {
  const routes = new Map<string, ContractRoute>();
  /** The first of several matches answers, so its policy counts. */
  const firstOf = (matched: readonly RouterRoute[]): ContractRoute | undefined =>
    matched.map((each) => routes.get(keyOf(each))).find((route) => route !== undefined);

  function add<Route extends ContractRoute>(route: Route, handler: Parameters<typeof app.openapi<Route>>[1]): void {
    routes.set(keyOf({ method: route.method.toUpperCase(), path: route.getRoutingPath() }), route);
    app.openapi(route, handler);
  }

  /** A wrong method has the scope and the error format of another method of its path: an open path answers 405. */
  function find(c: Context<ApiEnv>): RouteMatch {
    const route = firstOf(matchedRoutes(c));
    if (route !== undefined) return { route, policy: route.policy };
    const methods = new Set([...routes.values()].map(({ method }) => method.toUpperCase()));
    const others = [...methods].flatMap((method) => app.router.match(method, c.req.path)[0].map(([[, each]]) => each));
    const policy = firstOf(others)?.policy ?? closedPolicy(c.req.method, c.req.path);
    return { route: null, policy: { ...policy, rate: 'read', cost: 1 } };
  }

  /** @throws for a route of the app that has no policy, however it was added */
  function requirePolicies(): void {
    for (const { method, path } of app.routes) {
      if (path === '/*' || routes.get(keyOf({ method, path }))?.policy !== undefined) continue;
      throw new Error(`${method} ${path} has no policy. Define it with defineRoute() and add it to the route table.`);
    }
  }

  for (const [name, schema] of Object.entries(eventSchemas)) app.openAPIRegistry.register(name, schema);
  /** Makes the OpenAPI document of the routes, without security. */
  const describe = app.getOpenAPI31Document;

  return { add, find, requirePolicies, describe, routes: (): readonly ContractRoute[] => [...routes.values()] };
}
