import { type Hint, newId } from '@prosemill/core';
import {
  describeHintQueueConformance,
  describeSharedHintQueueConformance,
  describeWakeUpsConformance,
  type HintQueueSession,
  launchRedis,
  type PrivateServer,
  silentLogger,
} from '@prosemill/testkit';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import type { Queue } from '../queue.ts';
import { createRedisQueue } from './redis-queue.ts';

const open = (url: string, prefix = `test-${newId()}`): Queue =>
  createRedisQueue({ url, prefix, logger: silentLogger });

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
  return {
    ends: [one.wakeUps, two.wakeUps],
    async close() {
      await one.stop();
      await two.stop();
    },
  };
});

const trySend = async ({ sender }: Queue): Promise<string> => await sender.send([hint()]).then(() => 'sent', String);

const hint = (): Hint => ({ id: newId(), epoch: 0 });

describe('Redis in trouble', () => {
  let server: PrivateServer;
  let permits: number;

  beforeEach(async () => {
    server = await launchRedis();
    permits = 0;
  });

  function openOnServer(): Queue {
    const queue = open(server.url);
    onTestFinished(async () => {
      server.thaw();
      await queue.stop();
      await server.stop();
    });
    return queue;
  }

  async function startReceiver({ receiver }: Queue): Promise<void> {
    await receiver.start({
      concurrency: 2,
      leaseMs: 30_000,
      onPermit: async () => {
        permits += 1;
        return true;
      },
    });
  }

  async function expectConsumption(queue: Queue): Promise<void> {
    const before = permits;
    await expect.poll(async () => await trySend(queue)).toBe('sent');
    await expect.poll(() => permits).toBeGreaterThan(before);
  }

  it.each(['idle', 'busy'])('takes permits again after a crash of the server (%s)', async (load) => {
    const queue = openOnServer();
    await startReceiver(queue);
    await expectConsumption(queue);
    if (load === 'busy') await queue.sender.send(Array.from({ length: 500 }, hint));
    await server.crash();
    await expect(queue.sender.send([hint()])).rejects.toThrow(/Redis is not available|closed|writeable|retries/i);
    await expect.poll(() => queue.problems()).toEqual([expect.stringMatching(/^Redis is not available: /)]);
    await server.restart();
    await expectConsumption(queue);
    await expect.poll(() => queue.problems()).toEqual([]);
  });

  it('takes permits again after a silence longer than a blocking read', async () => {
    const queue = openOnServer();
    await startReceiver(queue);
    await expectConsumption(queue);
    server.freeze();
    // Each gives up after a second; the receiver's blocking read lasts five.
    for (let sends = 0; sends < 7; sends += 1) expect(await trySend(queue)).toMatch(/timed out/i);
    server.thaw();
    await expectConsumption(queue);
  });

  it('takes permits again after everything in it was deleted', async () => {
    const queue = openOnServer();
    await startReceiver(queue);
    await expectConsumption(queue);
    const client = new Redis(server.url);
    await client.flushall();
    client.disconnect();
    await expectConsumption(queue);
  });

  it('says so when its memory is full, and takes permits again when there is room', async () => {
    const queue = openOnServer();
    await startReceiver(queue);
    await expectConsumption(queue);
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    await client.config('SET', 'maxmemory', '1');
    await expect(queue.sender.send([hint()])).rejects.toThrow(/OOM/);
    // Counting needs no memory.
    await queue.sender.countWaiting();
    await client.config('SET', 'maxmemory', '0');
    const begin = performance.now();
    await expectConsumption(queue);
    expect(performance.now() - begin).toBeLessThan(15_000);
  });

  it('holds a hint once, however often it is sent', async () => {
    const queue = openOnServer();
    const repeated = hint();
    await expect.poll(async () => await queue.sender.send([repeated]).then(() => 'sent', String)).toBe('sent');
    for (let repeats = 1; repeats < 50; repeats += 1) await queue.sender.send([repeated]);
    expect(await queue.sender.countWaiting()).toBe(1);
  });

  it('may be away at the start', async () => {
    await server.crash();
    const queue = openOnServer();
    await startReceiver(queue);
    await queue.wakeUps.start();
    await expect(queue.sender.send([hint()])).rejects.toThrow(/Redis is not available/);
    await expect(queue.sender.countWaiting()).rejects.toThrow(/Redis is not available/);
    await server.restart();
    await expectConsumption(queue);
    const heard: string[] = [];
    queue.wakeUps.subscribe(({ ids }) => heard.push(...ids));
    await expect
      .poll(() => {
        queue.wakeUps.publish({ type: 'job-changed', ids: ['a'] });
        return heard;
      })
      .toContain('a');
  });

  it('does not hold up a stop', async () => {
    const queue = openOnServer();
    await startReceiver(queue);
    await expectConsumption(queue);
    await server.crash();
    const begin = performance.now();
    await queue.receiver.pause();
    await queue.stop();
    expect(performance.now() - begin).toBeLessThan(10_000);
  });
});
