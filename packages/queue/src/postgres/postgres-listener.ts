/** One connection that listens, comes back by itself, and notices when its server has gone silent. */
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, type Logger, reconnectBackoff, settleWithin } from '@prosemill/core';
import { Client } from 'pg';
import { type ConnectionLog, createConnectionLog } from '../connection-log.ts';

export interface ListenerOptions {
  readonly url: string;
  readonly channel: string;
  readonly logger: Logger;
  readonly onMessage: (message: string) => void;
  /** After every connect: messages may have been missed. */
  readonly onConnect: () => void;
}

export interface PostgresListener {
  readonly log: ConnectionLog;
  /** Connects in the background. */
  start(): void;
  stop(): Promise<void>;
}

const connectTimeoutMs = 5_000;
/** A connection that a firewall has swallowed looks alive: ask it. */
const checkIntervalMs = 10_000;
const checkTimeoutMs = 5_000;
const closeLimitMs = 2_000;

export function createPostgresListener(options: ListenerOptions): PostgresListener {
  const { url, channel, logger, onMessage, onConnect } = options;
  const log = createConnectionLog('Postgres (LISTEN)', logger);
  const stopped = new AbortController();
  let client: Client | null = null;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    for (let failures = 0; !stopped.signal.aborted;) {
      try {
        await listen(() => (failures = 0));
      } catch (error) {
        if (stopped.signal.aborted) return;
        failures += 1;
        log.lost(error);
        await delay(backoffMs(failures, reconnectBackoff), undefined, { signal: stopped.signal }).catch(() => null);
      }
    }
  }

  /** Ends by throwing, when the connection is lost. */
  async function listen(onListening: () => void): Promise<never> {
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
    try {
      await Promise.race([current.connect(), lost]);
      current.on('notification', ({ payload = '' }) => onMessage(payload));
      await current.query(`listen ${current.escapeIdentifier(channel)}`);
      onListening();
      log.restored();
      onConnect();
      for (;;) {
        await Promise.race([delay(checkIntervalMs, undefined, { signal: stopped.signal }), lost]);
        await Promise.race([current.query('select 1'), lost]);
      }
    } finally {
      // Not awaited: a new connection is wanted at once.
      void close(current);
    }
  }

  return {
    log,
    start() {
      running = run();
    },
    async stop() {
      stopped.abort();
      if (client !== null) await close(client);
      await running;
    },
  };
}

/** Says goodbye; a server that does not hear it is left without. */
async function close(client: Client): Promise<void> {
  await settleWithin(closeLimitMs, client.end());
  client.connection.stream.destroy();
}
