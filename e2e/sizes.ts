/** The three sizes of the service, each on a database of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '@prosemill/testkit';
import { inject } from 'vitest';
import { type Environment, launchSeparate, launchStandalone, type Service } from './launch.ts';

/** One process, an SQLite file, hints in memory. */
export async function launchEmbedded(environment: Environment = {}): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-e2e-'));
  const service = await launchStandalone({
    ...environment,
    DATABASE_URL: `sqlite:${join(folder, 'prosemill.db')}`,
  });
  return afterStop(service, async () => await rm(folder, { recursive: true }));
}

/** API and worker as processes of their own; hints by LISTEN/NOTIFY. */
export async function launchPostgresOnly(): Promise<Service> {
  const database = await createTestDatabase(inject('postgresUrl'));
  return afterStop(await launchSeparate({ DATABASE_URL: database.url }), database.drop);
}

/** API and worker as processes of their own; hints by BullMQ on Redis. */
export async function launchFull(environment: Environment = {}): Promise<Service> {
  const database = await createTestDatabase(inject('postgresUrl'));
  const adapters = { DATABASE_URL: database.url, REDIS_URL: redisUrlForThisFile() };
  return afterStop(await launchSeparate({ ...environment, ...adapters }), database.drop);
}

/** A numbered database of Redis for this file: files that run at the same time have different numbers. */
export function redisUrlForThisFile(): string {
  const url = new URL(inject('redisUrl'));
  url.pathname = `/${1 + (Number(process.env['VITEST_POOL_ID'] ?? 0) % 15)}`;
  return url.href;
}

/** Wraps a service, so that its stop also runs `cleanUp`. */
export function afterStop(service: Service, cleanUp: () => Promise<void>): Service {
  return {
    ...service,
    async stop(signal) {
      const codes = await service.stop(signal);
      await cleanUp();
      return codes;
    },
  };
}
