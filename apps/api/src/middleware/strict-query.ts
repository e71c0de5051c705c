/** Refuses a query with a name that the route does not declare, or twice with a name that has one value. */
import { z } from '@hono/zod-openapi';
import { isRepeatable } from '@prosemill/contract';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { invalidRequest } from '../on-error.ts';

export const strictQuery: MiddlewareHandler<ApiEnv> = async function strictQuery(c, next) {
  const { route } = c.var;
  if (route !== null) {
    const declared = route.request?.query;
    refuseOthers(c.req.url, new Map(declared instanceof z.ZodObject ? Object.entries(declared.shape) : []));
  }
  await next();
};

function refuseOthers(url: string, declared: ReadonlyMap<string, z.ZodType>): void {
  const counts = new Map<string, number>();
  for (const name of new URL(url).searchParams.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const errors = [...counts].flatMap(([name, count]) => {
    const schema = declared.get(name);
    if (schema === undefined) return [{ path: [name], message: 'is not a known name', code: 'unrecognized_keys' }];
    if (count === 1 || isRepeatable(schema)) return [];
    return [{ path: [name], message: 'must be given only once', code: 'repeated_key' }];
  });
  if (errors.length > 0) throw invalidRequest(errors);
}
