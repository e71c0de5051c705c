/**
 * Refuses a query with a name that the route does not declare, twice with a name that has one value, or with a value
 * that is no percent-encoded UTF-8: a decoder would silently replace it, and the search would be for another word.
 */
import { z } from '@hono/zod-openapi';
import { isRepeatable } from '@prosemill/contract';
import { isPercentEncoded } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { invalidRequest } from '../on-error.ts';

export const strictQuery: MiddlewareHandler<ApiEnv> = async function strictQuery(c, next) {
  const route = c.get('route');
  if (route !== null && c.req.url.includes('?')) {
    const declared = route.request?.query;
    refuseOthers(c.req.url, new Map(declared instanceof z.ZodObject ? Object.entries(declared.shape) : []));
  }
  await next();
};

function refuseOthers(url: string, declared: ReadonlyMap<string, z.ZodType>): void {
  const { search, searchParams } = new URL(url);
  const counts = new Map<string, number>();
  for (const name of searchParams.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const broken = search
    .slice(1)
    .split('&')
    .filter((part) => !isPercentEncoded(part));
  const brokenNames = new Set(new URLSearchParams(broken.join('&')).keys());
  const errors = [...counts].flatMap(([name, count]) => {
    const schema = declared.get(name);
    if (schema === undefined) return [{ path: [name], message: 'is not a known name', code: 'unrecognized_keys' }];
    if (brokenNames.has(name)) {
      return [{ path: [name], message: 'must be percent-encoded UTF-8', code: 'invalid_encoding' }];
    }
    if (count === 1 || isRepeatable(schema)) return [];
    return [{ path: [name], message: 'must be given only once', code: 'repeated_key' }];
  });
  if (errors.length > 0) throw invalidRequest(errors);
}
