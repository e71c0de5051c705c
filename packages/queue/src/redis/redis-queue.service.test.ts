import { newId } from '@prosemill/core';
import {
  describeHintQueueConformance,
  describeRateLimiterConformance,
  describeSharedHintQueueConformance,
  describeWakeUpsConformance,
  type HintQueueSession,
  silentLogger,
} from '@prosemill/testkit';
import { Redis } from 'ioredis';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import type { Queue } from '../queue.ts';
import { createRedisQueue } from './redis-queue.ts';

const open = (url: string, prefix = `test-${newId()}`): Queue =>
  createRedisQueue({ url, prefix, logger: silentLogger });

async function untilReady({ problems }: Queue): Promise<void> {
  await expect.poll(problems).toEqual([]);
}

async function openSession(): Promise<HintQueueSession> {
  const prefix = `test-${newId()}`;
  return { open: () => open(inject('redisUrl'), prefix), keepsHints: true, close: async () => undefined };
}

describeHintQueueConformance('Redis', openSession);
describeSharedHintQueueConformance('Redis', openSession);

describeRateLimiterConformance('Redis', async () => {
  const queue = open(inject('redisUrl'));
  await untilReady(queue);
  return { limiter: queue.rateLimiter, close: async () => await queue.stop() };
});

describe('rate limits on Redis', () => {
  it('are one bucket for all processes', async () => {
    const prefix = `test-${newId()}`;
    const queues = [open(inject('redisUrl'), prefix), open(inject('redisUrl'), prefix)];
    onTestFinished(async () => void (await Promise.all(queues.map(async (queue) => await queue.stop()))));
    await Promise.all(queues.map(untilReady));
    const takes = queues.flatMap(({ rateLimiter }) =>
      Array.from({ length: 50 }, () => rateLimiter.take({ bucket: 'bucket', perMinute: 10 })),
    );
    expect((await Promise.all(takes)).filter(({ isAllowed }) => isAllowed)).toHaveLength(10);
  });

  it('leave no key when the bucket is full again', async () => {
    const prefix = `test-${newId()}`;
    const queue = open(inject('redisUrl'), prefix);
    const client = new Redis(inject('redisUrl'));
    onTestFinished(async () => {
      client.disconnect();
      await queue.stop();
    });
    await untilReady(queue);
    await queue.rateLimiter.take({ bucket: 'bucket', perMinute: 600 });
    expect(await client.pttl(`${prefix}:rate:bucket`)).toBeLessThanOrEqual(100);
    await expect.poll(async () => await client.keys(`${prefix}:rate:*`)).toEqual([]);
  });
});

describeWakeUpsConformance('Redis', async () => {
  const prefix = `test-${newId()}`;
  const one = open(inject('redisUrl'), prefix);
  const two = open(inject('redisUrl'), prefix);
  return { ends: [one, two], close: async () => undefined };
});

describe('a hint queue on Redis', () => {
  it('holds a hint once, however often it is sent', async () => {
    const queue = open(inject('redisUrl'));
    onTestFinished(async () => await queue.stop());
    await untilReady(queue);
    const repeated = { id: newId(), epoch: 0 };
    for (let times = 0; times < 50; times += 1) await queue.sender.send([repeated]);
    expect(await queue.sender.countWaiting()).toBe(1);
  });
});
