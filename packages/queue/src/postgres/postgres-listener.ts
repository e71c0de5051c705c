/** A connection that listens, reconnects, and detects a silent server and notifications that do not arrive. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  answerWithin,
  backoffMs,
  every,
  type Logger,
  reconnectBackoff,
  type Service,
  settleWithin,
} from '@prosemill/core';
import { Client } from 'pg';
import { type ConnectionLog, createConnectionLog } from '../connection-log.ts';
import { prepareSession } from './prepare-session.ts';

export interface ListenerOptions {
  readonly url: string;
  readonly channel: string;
  readonly logger: Logger;
  /** Sends a message to the channel, on another connection. */
  readonly notify: (message: string) => Promise<void>;
  readonly onMessage: (message: string) => void;
  /** Called when it begins to listen: earlier messages may be lost. */
  readonly onConnect: () => void;
}

/** Connects in the background. */
export interface PostgresListener extends Service {
  readonly log: ConnectionLog;
  /** True while a connection exists that has not heard its own last notification. */
  isDeaf(): boolean;
}

const connectTimeoutMs = 5_000;
/** Interval of the self-check. A connection that a firewall has dropped looks alive, and only a question shows it. */
const checkIntervalMs = 10_000;
const checkTimeoutMs = 5_000;
/** The longest time until its own notification arrives. */
const hearLimitMs = 2_000;
/** A single notification may be late on a busy machine. */
const missesUntilDeaf = 2;
const closeLimitMs = 2_000;
const checkPrefix = 'check ';

const deafness =
  'notifications do not arrive, as behind pgbouncer in transaction mode; jobs are polled for meanwhile. ' +
  'Set pool_mode = session for this database in pgbouncer, point DATABASE_URL at Postgres itself, or set REDIS_URL';

export function createPostgresListener(options: ListenerOptions): PostgresListener {
  const { url, channel, logger, onMessage, onConnect } = options;
  const log = createConnectionLog('Postgres (LISTEN)', logger);
  /** The self-check under way. */
  let check: { readonly message: string; readonly onHeard: () => void } | null = null;
  let client: Client | null = null;
  let isDeaf = false;
  let failures = 0;
  const connections = every({
    intervalMs: () => backoffMs(failures, reconnectBackoff),
    step: listen,
    onError(error) {
      failures += 1;
      log.lost(error);
    },
  });

  /** Listens until the connection is lost, and then throws. */
  async function listen(signal: AbortSignal): Promise<never> {
    const current = new Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: checkTimeoutMs,
      keepAlive: true,
      application_name: 'prosemill-listen',
    });
    client = current;
    const lost = new Promise<never>((_resolve, reject) => {
      current.on('error', reject);
      current.on('end', () => reject(new Error('the connection was closed')));
    });
    lost.catch(() => undefined);
    const orLost = async <Result>(answer: Promise<Result>): Promise<Result> => await Promise.race([answer, lost]);
    try {
      await orLost(current.connect());
      await orLost(prepareSession(current));
      current.on('notification', ({ payload = '' }) => receive(payload));
      isDeaf = true;
      // Every check repeats LISTEN: a pooler that was switched to another mode may have lost it.
      for (let misses = 0; ;) {
        await orLost(current.query(`listen ${current.escapeIdentifier(channel)}`));
        failures = 0;
        const wasDeaf = isDeaf;
        isDeaf = !(await orLost(hearsItself(misses === 0)));
        misses = isDeaf ? misses + 1 : 0;
        if (misses === missesUntilDeaf) log.lost(new Error(deafness));
        if (!isDeaf) log.restored();
        if (wasDeaf && (!isDeaf || misses === 1)) onConnect();
        const waitMs = misses > 0 && misses < missesUntilDeaf ? 0 : checkIntervalMs;
        await orLost(delay(waitMs, undefined, { signal }));
      }
    } finally {
      isDeaf = false;
      // Not awaited, so that the next connection begins at once.
      void close(current);
    }
  }

  /**
   * Runs no statement meanwhile: a pooler that lends a session for it would deliver that session's notifications, and
   * the check would pass.
   * @param hasHeard  The answer when the notification cannot be sent: then nothing is known about its arrival.
   */
  async function hearsItself(hasHeard: boolean): Promise<boolean> {
    const heard = Promise.withResolvers<boolean>();
    check = { message: `${checkPrefix}${randomUUID()}`, onHeard: () => heard.resolve(true) };
    options.notify(check.message).catch(() => heard.resolve(hasHeard));
    return (await answerWithin(hearLimitMs, heard.promise)) ?? false;
  }

  /** Ignores the self-checks of other processes. */
  function receive(message: string): void {
    if (message === check?.message) check.onHeard();
    else if (!message.startsWith(checkPrefix)) onMessage(message);
  }

  return {
    log,
    isDeaf: () => isDeaf,
    start: () => connections.start(),
    async stop() {
      const stopped = connections.stop();
      if (client !== null) await close(client);
      await stopped;
    },
  };
}

/** Closes the session, by force if the server does not answer. */
async function close(client: Client): Promise<void> {
  await settleWithin(closeLimitMs, client.end());
  client.connection.stream.destroy();
}
