/** The rate limit of each key: a token bucket for requests that make jobs, and a larger one for all others. */
import { AppError, bucketPerMinute, type RateLimiter, type RateVerdict } from '@prosemill/core';
import type { Context, MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../api-env.ts';

/** A read costs a fraction of a submit. */
const readsPerSubmit = 10;

export interface RateLimitOptions {
  readonly rateLimiter: RateLimiter;
  /** Submits of one key; 0: no limit, and no headers. */
  readonly submitsPerMinute: number;
}

/**
 * Refuses with 429 when the key has too few tokens left for the request, and with 422 when it can never have enough.
 * Callers without a key, because keys are off or the route is open, have no limit. A handler whose body makes several
 * jobs takes the tokens of the others with `takeTokens`. If this is refused, the request costs nothing.
 * @see draft-ietf-httpapi-ratelimit-headers-08
 */
export function limitRate({ rateLimiter, submitsPerMinute }: RateLimitOptions): MiddlewareHandler<ApiEnv> {
  return async function rateLimit(c, next) {
    const { cost } = c.get('policy');
    let taken = 0;
    c.set('takeTokens', async (tokens) => {
      await takeTokens(c, { tokens, taken });
      taken += tokens;
    });
    await c.get('takeTokens')(cost);
    await next();
  };

  async function takeTokens(c: Context<ApiEnv>, { tokens, taken }: { tokens: number; taken: number }): Promise<void> {
    const { keyId } = c.get('caller');
    if (keyId === null || submitsPerMinute === 0) return;
    const policy = c.get('policy');
    const rate = typeof policy.rate === 'string' ? policy.rate : policy.rate(new URL(c.req.url).searchParams);
    const perMinute = rate === 'submit' ? submitsPerMinute : submitsPerMinute * readsPerSubmit;
    const message = `This key may ${rate} ${perMinute} times a minute.`;
    const inAll = taken + tokens;
    const bucket = { bucket: `${keyId}:${rate}`, perMinute };
    const tell = ({ remaining, fullInMs }: RateVerdict): void => {
      c.header('RateLimit-Policy', `"${rate}";q=${perMinute};w=${bucketPerMinute(perMinute).fillMs / 1_000}`);
      c.header('RateLimit', `"${rate}";r=${remaining};t=${Math.ceil(fullInMs / 1_000)}`);
    };
    // The client sends the whole request again, so the bucket must have the tokens of the earlier takes by then too.
    const giveBack = async (): Promise<RateVerdict> => await rateLimiter.take({ ...bucket, cost: -taken });
    if (inAll > perMinute) {
      if (taken > 0) tell(await giveBack());
      const cause = `This request counts as ${inAll} of them, and can never be admitted.`;
      throw new AppError('invalid_request', { message: `${message} ${cause}` });
    }
    const verdict = await rateLimiter.take({ ...bucket, cost: tokens });
    tell(verdict.isAllowed || taken === 0 ? verdict : await giveBack());
    if (verdict.isAllowed) return;
    const retryAfterMs = Math.ceil(verdict.retryInMs ?? 0);
    throw new AppError('rate_limited', { message, details: { retryAfterMs } });
  }
}
