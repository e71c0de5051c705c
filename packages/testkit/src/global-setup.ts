/** Vitest's global setup: one real Postgres and one real Redis for the whole run; files ask for their own database or prefix. */
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

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const redis = await startRedis();
  const postgres = await startPostgres().catch(async (error: unknown) => {
    await redis.stop();
    throw error;
  });
  project.provide('postgresUrl', postgres.url);
  project.provide('redisUrl', redis.url);
  return async function teardown() {
    await Promise.all([postgres.stop(), redis.stop()]);
  };
}
