/**
 * Rate limits on Redis. They are alone, because an answer of Redis that comes after 100 ms counts no more: the process
 * then uses a bucket of its own.
 */
import { newId } from '@prosemill/core';
import { describeRateLimiterConformance, silentLogger } from '@prosemill/testkit';
import { Redis } from 'ioredis';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import type { Queue } from '../queue.ts';
import { createRedisQueue } from './redis-queue.ts';

async function openQueue(prefix = `test-${newId()}`): Promise<Queue> {
  const queue = createRedisQueue({ url: inject('redisUrl'), prefix, logger: silentLogger });
  onTestFinished(async () => await queue.stop());
  await expect.poll(queue.problems).toEqual([]);
  return queue;
}

describeRateLimiterConformance('Redis', async () => {
  const { rateLimiter } = await openQueue();
  return { limiter: rateLimiter, close: async () => undefined };
});

describe('rate limits on Redis', () => {
  it('are one bucket for all processes', async () => {
    const prefix = `test-${newId()}`;
    const queues = [await openQueue(prefix), await openQueue(prefix)];
    const takes = queues.flatMap(({ rateLimiter }) =>
      Array.from({ length: 50 }, () => rateLimiter.take({ bucket: 'bucket', perMinute: 10 })),
    );
    expect((await Promise.all(takes)).filter(({ isAllowed }) => isAllowed)).toHaveLength(10);
  });

  it('leave no key when the bucket is full again', async () => {
    const prefix = `test-${newId()}`;
    const queue = await openQueue(prefix);
    const client = new Redis(inject('redisUrl'));
    onTestFinished(() => client.disconnect());
    await queue.rateLimiter.take({ bucket: 'bucket', perMinute: 600 });
    expect(await client.pttl(`${prefix}:rate:bucket`)).toBeLessThanOrEqual(100);
    await expect.poll(async () => await client.keys(`${prefix}:rate:*`)).toEqual([]);
  });
});
