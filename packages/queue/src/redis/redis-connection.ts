/** Connections to Redis that come back by themselves and say so in the log. */
import { backoffMs, type Logger, reconnectBackoff } from '@prosemill/core';
import { Redis, type RedisOptions } from 'ioredis';
import { type ConnectionLog, createConnectionLog } from '../connection-log.ts';

/**
 * Fails fast: the answer to a client never waits for Redis. A connection on which a command is not answered for longer than `socketTimeout` is
 * taken for dead, and replaced: it may look alive for ever.
 */
export const failFastOptions = {
  enableOfflineQueue: false,
  commandTimeout: 1_000,
  socketTimeout: 2_000,
  connectTimeout: 1_000,
  maxRetriesPerRequest: 1,
} as const satisfies RedisOptions;

/** Waits: a worker has nothing better to do. Its blocking reads are answered within 5 s. */
export const patientOptions = {
  maxRetriesPerRequest: null,
  commandTimeout: 30_000,
  socketTimeout: 7_000,
  connectTimeout: 5_000,
} as const satisfies RedisOptions;

/** Work goes on within 15 s of the end of an outage: this, and a round of the reconciler. */
const maxRetryMs = 3_000;
const retryStrategy = (attempt: number): number => backoffMs(attempt, { ...reconnectBackoff, maxMs: maxRetryMs });

const keepAliveMs = 10_000;
/** Nothing but an answer tells a connection that nobody uses from one that is dead. */
const pingIntervalMs = 3_000;

export interface RedisConnection {
  readonly client: Redis;
  readonly log: ConnectionLog;
  /** Does not wait for Redis. */
  readonly disconnect: () => void;
}

/** Connects in the background; an outage is logged and tried again for ever. */
export function connectRedis(url: string, options: RedisOptions, name: string, logger: Logger): RedisConnection {
  const all: Omit<RedisOptions, 'replyMapping'> = { ...options, retryStrategy, keepAlive: keepAliveMs };
  const client = new Redis(url, all);
  const log = createConnectionLog(name, logger);
  let isStopping = false;
  client.on('error', (error: Error) => log.lost(error));
  client.on('close', () => {
    if (!isStopping) log.lost(new Error('the connection was closed'));
  });
  client.on('ready', () => log.restored());
  const pings = setInterval(() => {
    if (client.status === 'ready') client.ping().catch(() => undefined);
  }, pingIntervalMs);
  return {
    client,
    log,
    disconnect() {
      isStopping = true;
      clearInterval(pings);
      client.disconnect();
    },
  };
}
