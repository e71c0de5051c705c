/** Refuses a query with a name that the route does not declare, or with a name twice. */
import { z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { invalidRequest } from '../on-error.ts';

export const strictQuery: MiddlewareHandler<ApiEnv> = async function strictQuery(c, next) {
  const { route } = c.var;
  if (route !== null) {
    const declared = route.request?.query;
    refuseOthers(c.req.url, new Set(declared instanceof z.ZodObject ? Object.keys(declared.shape) : []));
  }
  await next();
};

function refuseOthers(url: string, declared: ReadonlySet<string>): void {
  const counts = new Map<string, number>();
  for (const name of new URL(url).searchParams.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const errors = [...counts].flatMap(([name, count]) => {
    if (!declared.has(name)) return [{ path: [name], message: 'is not a known name', code: 'unrecognized_keys' }];
    return count > 1 ? [{ path: [name], message: 'must be given only once', code: 'repeated_key' }] : [];
  });
  if (errors.length > 0) throw invalidRequest(errors);
}
