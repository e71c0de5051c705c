/** Connections to Redis that come back by themselves. */
import { backoffMs, reconnectBackoff } from '@prosemill/core';
import { Redis, type RedisOptions } from 'ioredis';
import { isRefusal, needsNewConnection, type RedisHealth } from './redis-health.ts';

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

/** For every connection. */
export const commonOptions = {
  keepAlive: 10_000,
  // Its check is INFO, which an ACL may refuse. A Redis that is loading answers LOADING, which is a refusal like any other.
  enableReadyCheck: false,
  // Nobody catches what ioredis does by itself: a refused SUBSCRIBE would end the process.
  autoResubscribe: false,
  disableClientInfo: true,
} as const satisfies RedisOptions;

/** Work goes on within 15 s of the end of an outage: this, and a round of the reconciler. */
const maxRetryMs = 3_000;
/** A connection that lasted so long was a good one. */
const stableMs = 10_000;
/** Nothing but an answer tells a connection that nobody uses from one that is dead. */
const pingIntervalMs = 3_000;

export interface RedisConnection {
  /** With a `duplicate` that BullMQ uses for its blocking reads, and that belongs to this connection too. */
  readonly client: Redis;
  /** Does not wait for Redis. */
  readonly disconnect: () => void;
}

export interface RedisConnectionOptions {
  readonly url: string;
  readonly options: RedisOptions;
  /** The name of the connection's use in the log. */
  readonly part: string;
  readonly health: RedisHealth;
}

/** Connects in the background; an outage is told to `health` and tried again for ever. */
export function connectRedis({ url, options, part, health }: RedisConnectionOptions): RedisConnection {
  let isStopping = false;
  /** Closed by ioredis for what Redis has answered, which is told by the part that was refused. */
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
  // Without the name that BullMQ gives it: naming a connection is a right more.
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
    // Not ioredis's count: a connection on which the first command is refused is ready, too, for a moment.
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
    // ioredis would go on, in database 0.
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

/** The database of the URL is not there, or not this user's. */
export const isRefusedSelect = (error: unknown): boolean =>
  isRefusal(error) && (error as Error & { command?: { name?: string } }).command?.name === 'select';
