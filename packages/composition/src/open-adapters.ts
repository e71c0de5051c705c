/** Opens the adapters of a process from its configuration. */
import packageJson from '../package.json' with { type: 'json' };
import { armFailpoint, type Logger, type Store } from '@prosemill/core';
import { createQueue, type Queue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import {
  addDatabaseMetrics,
  createLogger,
  createMetrics,
  createTracing,
  logWarnings,
  type Metrics,
  type Tracing,
} from '@prosemill/telemetry';
import type { CommonConfig } from './config.ts';

export interface Adapters {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly store: Store;
  readonly queue: Queue;
  /** Version of the service, which all its packages have. */
  readonly version: string;
  /** Closes all adapters but the log, in bounded time, even while a server is away. */
  stop(): Promise<void>;
}

/**
 * Also succeeds while the database or Redis is away: each adapter goes on trying to connect.
 * @param name  Names the process in its log lines and its spans.
 * @throws {ConfigError} for a configuration that can never work
 */
export async function openAdapters(config: Readonly<CommonConfig>, name: string): Promise<Adapters> {
  armFailpoint(config);
  const { version } = packageJson;
  const logger = createLogger({ name, level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });
  logWarnings(logger);
  const metrics = createMetrics();
  const store = openStore({ url: config.DATABASE_URL, retentionDays: config.RETENTION_DAYS, logger });
  addDatabaseMetrics(metrics, store);
  const tracing = await createTracing({ endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT, name, version, logger });
  const queue = createQueue({ databaseUrl: config.DATABASE_URL, redisUrl: config.REDIS_URL, logger });
  await queue.requireUsable();
  return {
    logger,
    metrics,
    tracing,
    store,
    queue,
    version,
    async stop() {
      await queue.stop();
      await store.stop();
      await tracing.stop();
    },
  };
}
