/** A Redis server that crashes, hangs, loses its data or is full. */
import { type Hint, newId } from '@prosemill/core';
import { launchRedis, type PrivateServer, silentLogger, startTcpProxy } from '@prosemill/testkit';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Queue } from '../queue.ts';
import { createRedisQueue } from './redis-queue.ts';

async function untilReady({ problems }: Queue): Promise<void> {
  await expect.poll(problems).toEqual([]);
}

const trySend = async ({ sender }: Queue): Promise<string> => await sender.send([hint()]).then(() => 'sent', String);

const hint = (): Hint => ({ id: newId(), epoch: 0 });

describe('Redis in trouble', () => {
  let server: PrivateServer;
  let permits: number;

  beforeEach(async () => {
    server = await launchRedis();
    permits = 0;
  });

  function openOnServer(url = server.url): Queue {
    const queue = createRedisQueue({ url, prefix: 'test', logger: silentLogger });
    onTestFinished(async () => {
      server.thaw();
      await queue.stop();
      await server.stop();
    });
    return queue;
  }

  async function configure(name: string, value: string): Promise<void> {
    const client = new Redis(server.url);
    await client.config('SET', name, value);
    client.disconnect();
  }

  async function startReceiver({ receiver }: Queue): Promise<void> {
    await receiver.start({
      concurrency: 2,
      leaseMs: 30_000,
      onPermit: async () => {
        permits += 1;
        return 'done';
      },
      countClaimable: async () => 0,
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
    const other = new Redis(server.url, { commandTimeout: 1_000 });
    onTestFinished(() => other.disconnect());
    await other.ping();
    server.freeze();
    expect(await trySend(queue)).toMatch(/timed out/i);
    await expect.poll(() => queue.problems()).toEqual([expect.stringMatching(/^Redis is not available: /)]);
    // A send gives up after a second; the receiver's blocking read lasts five.
    for (let pings = 0; pings < 5; pings += 1) await expect(other.ping()).rejects.toThrow(/timed out/i);
    server.thaw();
    await expectConsumption(queue);
  });

  it('takes permits again after all its keys were deleted', async () => {
    const queue = openOnServer();
    await startReceiver(queue);
    await expectConsumption(queue);
    const client = new Redis(server.url);
    await client.flushall();
    client.disconnect();
    await expectConsumption(queue);
  });

  it('takes permits and wake-ups again after all its connections died silently', async () => {
    const proxy = await startTcpProxy(server.url);
    const queue = openOnServer(proxy.url);
    onTestFinished(async () => await proxy.stop());
    const heard: string[] = [];
    queue.wakeUps.subscribe(({ ids }) => heard.push(...ids));
    await queue.wakeUps.start();
    const expectWakeUp = async (id: string) =>
      await expect
        .poll(() => {
          queue.wakeUps.publish({ type: 'job-changed', ids: [id] });
          return heard;
        })
        .toContain(id);
    await startReceiver(queue);
    await expectConsumption(queue);
    await expectWakeUp('before');
    proxy.swallow();
    const begin = performance.now();
    await expectConsumption(queue);
    await expectWakeUp('afterwards');
    expect(performance.now() - begin).toBeLessThan(15_000);
  });

  it('reports that its memory is full, and takes permits again when there is room', async () => {
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

  it.each([
    ['is gone', async () => await server.crash()],
    ['hangs', async () => server.freeze()],
    ['is full', async () => await configure('maxmemory', '1')],
  ])('neither refuses nor delays limited requests while it %s', async (_name, fault) => {
    const queue = openOnServer();
    await untilReady(queue);
    await fault();
    const begin = performance.now();
    const verdicts: boolean[] = [];
    while (verdicts.length < 50) {
      const { isAllowed } = await queue.rateLimiter.take({ bucket: 'bucket', perMinute: 10 });
      verdicts.push(isAllowed);
    }
    expect(verdicts.filter(Boolean)).toHaveLength(10);
    expect(performance.now() - begin).toBeLessThan(4_000);
  });

  it('decides about limits again after its return', async () => {
    const queue = openOnServer();
    await untilReady(queue);
    await queue.rateLimiter.take({ bucket: 'bucket', perMinute: 10 });
    server.freeze();
    await queue.rateLimiter.take({ bucket: 'bucket', perMinute: 10 });
    server.thaw();
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    const fullAt = async () => (await client.mget(await client.keys('*:rate:other'))).length;
    await expect
      .poll(async () => {
        await queue.rateLimiter.take({ bucket: 'other', perMinute: 10 });
        return await fullAt();
      })
      .toBe(1);
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

  it('does not delay a stop', async () => {
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
