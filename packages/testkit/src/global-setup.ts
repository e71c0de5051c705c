/** Vitest's global setup: a Postgres and a Redis for the run. Each file makes a database or a prefix of its own. */
import type { TestProject } from 'vitest/node';
import { startPostgres } from './servers/postgres.ts';
import { startRedis } from './servers/redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL to the server's own database; {@link createTestDatabase} makes one for a file. */
    postgresUrl: string;
    redisUrl: string;
  }
}

/** Vitest calls this for each project with tests to run. The first call starts the servers for all. */
export async function setup({ vitest }: TestProject): Promise<(() => Promise<void>) | undefined> {
  if ('postgresUrl' in vitest.getProvidedContext()) return undefined;
  const redis = await startRedis();
  const postgres = await startPostgres().catch(async (error: unknown) => {
    await redis.stop();
    throw error;
  });
  vitest.provide('postgresUrl', postgres.url);
  vitest.provide('redisUrl', redis.url);
  return async function teardown() {
    await Promise.all([postgres.stop(), redis.stop()]);
  };
}
