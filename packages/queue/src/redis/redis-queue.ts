/** Hints by BullMQ, wake-ups by pub/sub and rate limits by a script, on one Redis. */
import { ConfigError, type Logger } from '@prosemill/core';
import type { Queue } from '../queue.ts';
import { connectRedis, failFastOptions } from './redis-connection.ts';
import { createRedisHealth } from './redis-health.ts';
import { createRedisRateLimiter } from './redis-rate-limiter.ts';
import { createRedisReceiver } from './redis-receiver.ts';
import { createRedisSender } from './redis-sender.ts';
import { createWarningLog, findObstacle, reportOn } from './redis-server.ts';
import { createRedisWakeUps } from './redis-wake-ups.ts';

export interface RedisQueueOptions {
  readonly url: string;
  readonly prefix: string;
  readonly logger: Logger;
}

export function createRedisQueue({ url, prefix, logger }: RedisQueueOptions): Queue {
  const health = createRedisHealth(logger);
  const connection = connectRedis({ url, options: failFastOptions, part: 'connection', health });
  const sender = createRedisSender({ prefix, connection, health });
  const receiver = createRedisReceiver({ url, prefix, health, logger });
  const wakeUps = createRedisWakeUps({ url, prefix, publisher: connection, health });
  const rateLimiter = createRedisRateLimiter({ prefix, connection, health });

  const logWarnings = createWarningLog(logger);
  connection.client.on('ready', () => void checkServer());

  /** Called at each connect: the server may be another one. */
  async function checkServer(): Promise<void> {
    // An ACL may refuse INFO: then nothing is known, and no obstacle is assumed.
    const info = await connection.client.info().catch(() => '');
    const { obstacle, warnings } = reportOn(info);
    if (obstacle === null) health.restored('server');
    else health.lost('server', new Error(obstacle));
    logWarnings(warnings);
  }

  function problemNow(): string | null {
    if (health.problem !== null) return health.problem;
    return connection.client.status === 'ready' ? null : connection.client.status;
  }

  return {
    async requireUsable() {
      const obstacle = await findObstacle(url);
      if (obstacle !== null) throw new ConfigError([`REDIS_URL: ${obstacle}`]);
    },
    sender,
    receiver,
    wakeUps,
    rateLimiter,
    problems: () => {
      const problem = problemNow();
      return problem === null ? [] : [`Redis is not available: ${problem}.`];
    },
    async stop() {
      rateLimiter.stop();
      await receiver.stop();
      wakeUps.stop();
      await sender.stop();
    },
  };
}
