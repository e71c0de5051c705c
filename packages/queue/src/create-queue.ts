/** Chooses the transport: Redis if there is one, else the database, else memory. */
import { ConfigError, type Logger } from '@prosemill/core';
import { createInProcessQueue } from './in-process/in-process-queue.ts';
import { createPostgresQueue } from './postgres/postgres-queue.ts';
import type { Queue } from './queue.ts';
import { createRedisQueue } from './redis/redis-queue.ts';
import { redisUrlProblems } from './redis/redis-url.ts';

export interface QueueOptions {
  /** DATABASE_URL. */
  readonly databaseUrl: string;
  /** REDIS_URL. */
  readonly redisUrl: string | undefined;
  readonly logger: Logger;
}

/** Everything of ours in Redis begins with this. */
const prefix = 'prosemill';

/**
 * Resolves nothing and waits for nothing: a transport that is away is tried again in the background.
 * @throws {ConfigError} for a REDIS_URL that is none
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
