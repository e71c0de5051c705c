/** Conformance suite for the port `RateLimiter`. */
import { newId, type RateLimiter } from '@prosemill/core';
import { describe, expect, it, onTestFinished } from 'vitest';

export interface RateLimiterSession {
  readonly limiter: RateLimiter;
  close(): Promise<void>;
}

export function describeRateLimiterConformance(name: string, open: () => Promise<RateLimiterSession>): void {
  describe(`a rate limiter by ${name}`, () => {
    it('gives as many tokens as the bucket holds, however many ask at once', async () => {
      const limiter = await openLimiter(open);
      const verdicts = await takeMany(limiter, newId(), 100, 10);
      expect(verdicts.filter(({ isAllowed }) => isAllowed)).toHaveLength(10);
      const left = verdicts.flatMap(({ isAllowed, remaining }) => (isAllowed ? [remaining] : []));
      expect(left.toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it('tells when the next token comes, and when the bucket is full', async () => {
      const limiter = await openLimiter(open);
      const bucket = newId();
      const first = await limiter.take({ bucket, perMinute: 10 });
      expect(first).toMatchObject({ isAllowed: true, remaining: 9, retryInMs: 0 });
      expect(first.fullInMs).toBeCloseTo(6_000, 0);
      await takeMany(limiter, bucket, 9, 10);
      const refused = await limiter.take({ bucket, perMinute: 10 });
      expect(refused).toMatchObject({ isAllowed: false, remaining: 0 });
      expect(refused.retryInMs).toBeGreaterThan(5_000);
      expect(refused.retryInMs).toBeLessThanOrEqual(6_000);
      expect(refused.fullInMs).toBeGreaterThan(59_000);
      expect(refused.fullInMs).toBeLessThanOrEqual(60_000);
    });

    it('fills buckets evenly: the next token comes at the announced time, not a minute later', async () => {
      const limiter = await openLimiter(open);
      const bucket = newId();
      const perMinute = 600;
      await takeMany(limiter, bucket, perMinute, perMinute);
      await expect.poll(async () => (await limiter.take({ bucket, perMinute })).isAllowed, { interval: 10 }).toBe(true);
    });

    it('takes all tokens of a cost or none, and says when there are enough', async () => {
      const limiter = await openLimiter(open);
      const [bucket, perMinute] = [newId(), 10];
      const first = await limiter.take({ bucket, perMinute, cost: 7 });
      expect(first).toMatchObject({ isAllowed: true, remaining: 3, retryInMs: 0 });
      expect(first.fullInMs).toBeCloseTo(42_000, 0);
      const refused = await limiter.take({ bucket, perMinute, cost: 5 });
      expect(refused).toMatchObject({ isAllowed: false, remaining: 3 });
      expect(refused.retryInMs).toBeGreaterThan(11_000);
      expect(refused.retryInMs).toBeLessThanOrEqual(12_000);
      expect(await limiter.take({ bucket, perMinute, cost: 3 })).toMatchObject({ isAllowed: true, remaining: 0 });
    });

    it('takes tokens back, up to the size of the bucket', async () => {
      const limiter = await openLimiter(open);
      const [bucket, perMinute] = [newId(), 10];
      await limiter.take({ bucket, perMinute, cost: 7 });
      expect(await limiter.take({ bucket, perMinute, cost: -2 })).toMatchObject({ isAllowed: true, remaining: 5 });
      expect(await limiter.take({ bucket, perMinute, cost: -9 })).toMatchObject({ remaining: 10, fullInMs: 0 });
      expect(await limiter.take({ bucket, perMinute, cost: 10 })).toMatchObject({ isAllowed: true, remaining: 0 });
    });

    it('says that there are never enough tokens for a cost above the size of the bucket, and takes nothing', async () => {
      const limiter = await openLimiter(open);
      const [bucket, perMinute] = [newId(), 10];
      const never = { isAllowed: false, remaining: 10, fullInMs: 0, retryInMs: null };
      expect(await limiter.take({ bucket, perMinute, cost: 11 })).toEqual(never);
      expect(await limiter.take({ bucket, perMinute, cost: 10 })).toMatchObject({ isAllowed: true, remaining: 0 });
    });

    it('keeps buckets apart', async () => {
      const limiter = await openLimiter(open);
      const [one, other] = [newId(), newId()];
      expect(await takeMany(limiter, one, 2, 1)).toMatchObject([{ isAllowed: true }, { isAllowed: false }]);
      expect(await limiter.take({ bucket: other, perMinute: 1 })).toMatchObject({ isAllowed: true, remaining: 0 });
    });

    it('applies the size of the present request to the bucket', async () => {
      const limiter = await openLimiter(open);
      const bucket = newId();
      await takeMany(limiter, bucket, 31, 60);
      expect(await limiter.take({ bucket, perMinute: 2 })).toMatchObject({ isAllowed: false });
      expect(await limiter.take({ bucket, perMinute: 600 })).toMatchObject({ isAllowed: true });
    });
  });
}

async function openLimiter(open: () => Promise<RateLimiterSession>): Promise<RateLimiter> {
  const session = await open();
  onTestFinished(async () => await session.close());
  return session.limiter;
}

const takeMany = async (limiter: RateLimiter, bucket: string, count: number, perMinute: number) =>
  await Promise.all(Array.from({ length: count }, async () => await limiter.take({ bucket, perMinute })));
