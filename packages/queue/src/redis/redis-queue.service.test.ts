import { newId } from '@prosemill/core';
import {
  describeHintQueueConformance,
  describeSharedHintQueueConformance,
  describeWakeUpsConformance,
  type HintQueueSession,
  silentLogger,
} from '@prosemill/testkit';
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
