/** How often a key may ask: a bucket for what makes jobs, and a larger one for everything else. */
import { AppError, bucketPerMinute, type RateLimiter } from '@prosemill/core';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';

/** A request that makes no job costs a fraction of one that does. */
const readsPerSubmit = 10;

export interface RateLimitOptions {
  readonly rateLimiter: RateLimiter;
  /** Of one key; 0: no limit, and no headers. */
  readonly submitsPerMinute: number;
  /** Where a POST makes a job. */
  readonly submitPaths: readonly string[];
}

/**
 * Refuses with 429 what a key has no token for. A caller without a key, because there are none or because the path is open to all, has no limit.
 * @see draft-ietf-httpapi-ratelimit-headers-08
 */
export function limitRate({ rateLimiter, submitsPerMinute, submitPaths }: RateLimitOptions): MiddlewareHandler<ApiEnv> {
  return async function rateLimit(c, next) {
    const { keyId } = c.var.caller;
    if (keyId === null || submitsPerMinute === 0) return await next();
    const isSubmit = c.req.method === 'POST' && submitPaths.includes(c.req.path);
    const name = isSubmit ? 'submit' : 'read';
    const perMinute = isSubmit ? submitsPerMinute : submitsPerMinute * readsPerSubmit;
    const verdict = await rateLimiter.take({ bucket: `${keyId}:${name}`, perMinute });
    c.header('RateLimit-Policy', `"${name}";q=${perMinute};w=${bucketPerMinute(perMinute).fillMs / 1_000}`);
    c.header('RateLimit', `"${name}";r=${verdict.remaining};t=${Math.ceil(verdict.fullInMs / 1_000)}`);
    if (!verdict.isAllowed) {
      throw new AppError('rate_limited', {
        message: `This key may ${name} ${perMinute} times a minute.`,
        details: verdict.retryInMs === null ? {} : { retryAfterMs: Math.ceil(verdict.retryInMs) },
      });
    }
    await next();
  };
}
