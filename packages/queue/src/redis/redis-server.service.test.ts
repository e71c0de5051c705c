import { launchRedis, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createRedisQueue } from './redis-queue.ts';
import { reportOn } from './redis-server.ts';

const info = (...lines: readonly string[]): string => ['# Server', ...lines, ''].join('\r\n');

it.each([
  ['7.2.4', null, []],
  ['6.2.0', null, []],
  ['10.0.0', null, []],
  ['unstable', null, []],
  ['6.0.16', null, [expect.stringMatching(/Redis 6\.0\.16 is older than 6\.2/)]],
  ['5.0.0', null, [expect.stringMatching(/Redis 5\.0\.0 is older than 6\.2/)]],
  ['4.0.14', expect.stringMatching(/Redis 4\.0\.14, which is too old: use 6\.2 or newer/), []],
  ['2.8.17', expect.stringMatching(/too old/), []],
])('a server of version %s', (version, obstacle, warnings) => {
  expect(reportOn(info(`redis_version:${version}`, 'maxmemory_policy:noeviction'))).toEqual({ obstacle, warnings });
});

it('finds no fault with a server that gives no information', () => {
  expect(reportOn('')).toEqual({ obstacle: null, warnings: [] });
});

it('logs once that a server may drop hints, and writes nothing to the console', async () => {
  const server = await launchRedis({ 'maxmemory-policy': 'allkeys-lru' });
  const lines: string[] = [];
  const spies = (['log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name));
  const logger = { ...silentLogger, warn: (_fields: unknown, message: string) => void lines.push(message) };
  const queue = createRedisQueue({ url: server.url, prefix: 'test', logger });
  onTestFinished(async () => {
    await queue.stop();
    await server.stop();
  });
  await queue.requireUsable();
  await queue.wakeUps.start();
  await queue.receiver.start({
    concurrency: 1,
    leaseMs: 30_000,
    onPermit: async () => 'nothing',
    countClaimable: async () => 0,
  });
  await expect.poll(() => lines).toEqual([expect.stringMatching(/^the maxmemory-policy of Redis is allkeys-lru: /)]);
  await server.crash();
  await server.restart();
  await expect
    .poll(async () => await queue.sender.send([{ id: 'a', epoch: 0 }]).then(() => 'sent', String))
    .toBe('sent');
  expect(lines.filter((line) => line.includes('maxmemory-policy'))).toHaveLength(1);
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});
