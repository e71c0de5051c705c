/** Hints and wake-ups by LISTEN/NOTIFY. Postgres stores no notification: a receiver looks for rows when it starts. */
import { callbackify } from 'node:util';
import { errorLine, type Logger } from '@prosemill/core';
import { Pool } from 'pg';
import { createInProcessRateLimiter } from '../in-process/in-process-rate-limiter.ts';
import { createPermitPool } from '../permit-pool.ts';
import type { Queue } from '../queue.ts';
import { createWakeUpListeners, encodeWakeUp } from '../wake-up-listeners.ts';
import { createPostgresListener } from './postgres-listener.ts';
import { prepareSession } from './prepare-session.ts';

const hintChannel = 'prosemill_hints';
const wakeUpChannel = 'prosemill_wake_ups';
/** A send fails fast: the answer to a client must not wait for a hint. */
const sendTimeoutMs = 1_000;

export function createPostgresQueue({ url, logger }: { readonly url: string; readonly logger: Logger }): Queue {
  const pool = new Pool({
    connectionString: url,
    max: 2,
    connectionTimeoutMillis: sendTimeoutMs,
    query_timeout: sendTimeoutMs,
    keepAlive: true,
    application_name: 'prosemill-notify',
    verify: callbackify(prepareSession),
  });
  const onLost = (error: Error): void => logger.debug({ reason: errorLine(error) }, 'a notifying connection was lost');
  pool.on('error', onLost);
  // The pool reports errors of idle connections alone.
  pool.on('connect', (client) => client.on('error', onLost));
  const permits = createPermitPool(() => hints.isDeaf() || hints.log.problem !== null);
  const { subscribe, receive } = createWakeUpListeners();
  const hints = createPostgresListener({
    url,
    channel: hintChannel,
    logger,
    notify: async (message) => await notify(hintChannel, [message]),
    onMessage: () => permits.wake(1),
    onConnect: () => permits.wake(Number.POSITIVE_INFINITY),
  });
  const wakeUpsListener = createPostgresListener({
    url,
    channel: wakeUpChannel,
    logger,
    notify: async (message) => await notify(wakeUpChannel, [message]),
    onMessage: receive,
    onConnect: () => undefined,
  });

  /** One statement for all messages: each commit of notifications takes a lock of the whole server. */
  async function notify(channel: string, messages: readonly string[]): Promise<void> {
    await pool.query('select pg_notify($1, message) from unnest($2::text[]) as message', [channel, messages]);
  }

  let closed: Promise<void> | null = null;
  /** Bounded, since each statement ends within `sendTimeoutMs`. */
  const closePool = async (): Promise<void> => await (closed ??= pool.end());

  return {
    requireUsable: async () => undefined,
    sender: {
      async send(sent) {
        // So the reconciler's hints reach its own worker even while the listener is away.
        permits.wake(sent.length);
        const messages = sent.map(({ id, epoch }) => `${id}-${epoch}`);
        await notify(hintChannel, messages);
      },
      countWaiting: async () => null,
    },
    receiver: {
      async start(options) {
        hints.start();
        await permits.start(options);
        // Notifications of jobs that were submitted earlier had no listener.
        permits.wake(options.concurrency);
      },
      pause: async () => await permits.pause(),
      async stop() {
        await permits.stop();
        await hints.stop();
      },
    },
    wakeUps: {
      async start() {
        wakeUpsListener.start();
      },
      publish(wakeUp) {
        notify(wakeUpChannel, encodeWakeUp(wakeUp)).catch((error: unknown) =>
          logger.debug({ reason: errorLine(error) }, 'a wake-up was lost'),
        );
      },
      subscribe,
      isDeaf: () => wakeUpsListener.isDeaf(),
    },
    rateLimiter: createInProcessRateLimiter(),
    problems: () => {
      const problem = wakeUpsListener.log.problem ?? hints.log.problem;
      return problem === null ? [] : [`LISTEN on Postgres is not available: ${problem}.`];
    },
    async stop() {
      await permits.stop();
      await Promise.all([hints.stop(), wakeUpsListener.stop(), closePool()]);
    },
  };
}
