/** Hints by BullMQ, wake-ups by pub/sub and rate limits by a script, on one Redis. */
import type { Queue } from '../queue.ts';
import { connectRedis, failFastOptions } from './redis-connection.ts';
import { createRedisReceiver, createRedisSender, type RedisHintOptions } from './redis-hints.ts';
import { createRedisRateLimiter } from './redis-rate-limiter.ts';
import { createRedisWakeUps } from './redis-wake-ups.ts';

export function createRedisQueue(options: RedisHintOptions): Queue {
  const connection = connectRedis(options.url, failFastOptions, 'Redis', options.logger);
  const sender = createRedisSender(options, connection);
  const receiver = createRedisReceiver(options);
  const wakeUps = createRedisWakeUps(options, connection);
  return {
    sender,
    receiver,
    wakeUps,
    rateLimiter: createRedisRateLimiter(options, connection),
    problems: () =>
      connection.client.status === 'ready'
        ? []
        : [`Redis is not available: ${connection.log.problem ?? connection.client.status}.`],
    async stop() {
      await receiver.stop();
      await wakeUps.stop();
      await sender.stop();
    },
  };
}
