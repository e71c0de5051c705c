/** Connections to Redis that reconnect by themselves. */
import { backoffMs, reconnectBackoff } from '@prosemill/core';
import { Redis, type RedisOptions } from 'ioredis';
import { isRefusal, needsNewConnection, type RedisHealth } from './redis-health.ts';

/**
 * For commands that fail fast, since the answer to a client must not wait for Redis. A connection that leaves a command
 * unanswered for `socketTimeout` counts as dead and is replaced: it may look alive for ever.
 */
export const failFastOptions = {
  enableOfflineQueue: false,
  commandTimeout: 1_000,
  socketTimeout: 2_000,
  connectTimeout: 1_000,
  maxRetriesPerRequest: 1,
} as const satisfies RedisOptions;

/** For connections that may wait, as a worker's do. Its blocking reads are answered within 5 s. */
export const patientOptions = {
  maxRetriesPerRequest: null,
  commandTimeout: 30_000,
  socketTimeout: 7_000,
  connectTimeout: 5_000,
} as const satisfies RedisOptions;

/** For every connection. */
export const commonOptions = {
  keepAlive: 10_000,
  // The check sends INFO, which an ACL may refuse, and waits for the end of LOADING, which is a refusal here.
  enableReadyCheck: false,
  // A refused SUBSCRIBE of ioredis's own is an unhandled rejection, which ends the process.
  autoResubscribe: false,
  disableClientInfo: true,
} as const satisfies RedisOptions;

/** Consumption resumes within 15 s of the end of an outage: this pause, and a round of the reconciler. */
const maxRetryMs = 3_000;
/** A connection that lasted this long resets the backoff. */
const stableMs = 10_000;
/** Interval of PING: only an answer tells an idle connection from a dead one. */
const pingIntervalMs = 3_000;

export interface RedisConnection {
  /** BullMQ duplicates it for its blocking reads; `disconnect` closes the duplicates too. */
  readonly client: Redis;
  /** Closes at once, without an answer of Redis. */
  readonly disconnect: () => void;
}

export interface RedisConnectionOptions {
  readonly url: string;
  readonly options: RedisOptions;
  /** The connection's purpose, for the log. */
  readonly part: string;
  readonly health: RedisHealth;
}

/** A connection with {@link failFastOptions} that several parts of a queue use. */
export interface SharedConnection {
  /** Begins every key and channel. */
  readonly prefix: string;
  readonly connection: RedisConnection;
  readonly health: RedisHealth;
}

/** Connects in the background, without end, and reports outages to `health`. */
export function connectRedis({ url, options, part, health }: RedisConnectionOptions): RedisConnection {
  let isStopping = false;
  /** True when ioredis closes the connection after a refusal, which the refused part reports. */
  let isReplaced = false;
  const clients = new Set<Redis>();

  function open(override: RedisOptions = {}, onReady: () => void = () => undefined): Redis {
    const client = openClient(url, { ...options, ...override, reconnectOnError }, onReady);
    clients.add(client);
    client.on('end', () => clients.delete(client));
    return client;
  }

  function reconnectOnError(error: Error): boolean {
    const isWrong = needsNewConnection(error);
    isReplaced ||= isWrong;
    return isWrong;
  }

  const client = open({}, () => {
    isReplaced = false;
    health.restored(part);
  });
  // Without BullMQ's connection name: CLIENT SETNAME is one more right that an ACL would have to give.
  client.duplicate = (override) => open({ ...override, connectionName: '' });
  client.on('error', (error: Error) => health.lost(part, error));
  client.on('close', () => {
    if (!isStopping && !isReplaced) health.lost(part, null);
  });
  const pings = setInterval(() => {
    if (client.status === 'ready') client.ping().catch(() => undefined);
  }, pingIntervalMs);

  return {
    client,
    disconnect() {
      isStopping = true;
      clearInterval(pings);
      for (const each of clients) each.disconnect();
    },
  };
}

function openClient(url: string, options: RedisOptions, onReady: () => void): Redis {
  let tries = 0;
  let readyAt = Number.POSITIVE_INFINITY;
  let isInDatabase = true;
  const all: Omit<RedisOptions, 'replyMapping'> = {
    ...commonOptions,
    ...options,
    // ioredis resets its own count when a connection is ready, even if Redis then refuses the first command.
    retryStrategy() {
      if (performance.now() - readyAt > stableMs) tries = 0;
      readyAt = Number.POSITIVE_INFINITY;
      tries += 1;
      return backoffMs(tries, { ...reconnectBackoff, maxMs: maxRetryMs });
    },
  };
  const client = new Redis(url, all);
  client.on('connect', () => (isInDatabase = true));
  client.on('error', (error) => {
    if (!isRefusedSelect(error)) return;
    // ioredis would go on in database 0.
    isInDatabase = false;
    client.disconnect(true);
  });
  client.on('ready', () => {
    if (!isInDatabase) return;
    readyAt = performance.now();
    onReady();
  });
  return client;
}

/** True when Redis refuses the database number of the URL: it does not exist, or is not this user's. */
export const isRefusedSelect = (error: unknown): boolean =>
  isRefusal(error) && (error as Error & { command?: { name?: string } }).command?.name === 'select';
