/** Chooses the transport: Redis if REDIS_URL is set, else LISTEN/NOTIFY if the database is Postgres, else memory. */
import { ConfigError, type Logger } from '@prosemill/core';
import { createInProcessQueue } from './in-process/in-process-queue.ts';
import { createPostgresQueue } from './postgres/postgres-queue.ts';
import type { Queue } from './queue.ts';
import { createRedisQueue } from './redis/redis-queue.ts';
import { redisUrlProblems } from './redis/redis-url.ts';

export interface QueueOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  readonly logger: Logger;
}

/** Begins every key and channel in Redis. */
const prefix = 'prosemill';

/**
 * Connects in the background: a transport that is away is tried again until it is there.
 * @throws {ConfigError} for a REDIS_URL that cannot be used
 */
export function createQueue({ databaseUrl, redisUrl, logger }: QueueOptions): Queue {
  if (redisUrl !== undefined) {
    const problems = redisUrlProblems(redisUrl);
    if (problems.length > 0) throw new ConfigError(problems.map((problem) => `REDIS_URL: ${problem}`));
    return createRedisQueue({ url: redisUrl, prefix, logger });
  }
  if (databaseUrl.startsWith('postgres')) return createPostgresQueue({ url: databaseUrl, logger });
  return createInProcessQueue();
}
