/** Hints and wake-ups by LISTEN/NOTIFY. Nothing is kept: who is not listening hears nothing, and looks for itself when it starts. */
import { callbackify } from 'node:util';
import type { Hint, Logger } from '@prosemill/core';
import { errorLine } from '@prosemill/core';
import { Pool } from 'pg';
import { createInProcessRateLimiter } from '../in-process/in-process-rate-limiter.ts';
import { createPermitPool } from '../permit-pool.ts';
import type { Queue } from '../queue.ts';
import { createWakeUpListeners, decodeWakeUp, encodeWakeUp } from '../wake-up-listeners.ts';
import { createPostgresListener } from './postgres-listener.ts';
import { prepareSession } from './prepare-session.ts';

export interface PostgresQueueOptions {
  readonly url: string;
  readonly logger: Logger;
}

const hintChannel = 'prosemill_hints';
const wakeUpChannel = 'prosemill_wake_ups';
/** The sender fails fast: the answer to a client never waits for a hint. */
const sendTimeoutMs = 1_000;
/** While hints are not heard, so many permits look for rows so often: a job begins soon, and an idle worker costs 32 small statements a second. */
const lookIntervalMs = 250;
const permitsPerLook = 8;

export function createPostgresQueue({ url, logger }: PostgresQueueOptions): Queue {
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
  // The pool hears only of idle connections.
  pool.on('connect', (client) => client.on('error', onLost));
  const permits = createPermitPool();
  const { subscribe, deliver } = createWakeUpListeners();
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
    onMessage: (message) => {
      const wakeUp = decodeWakeUp(message);
      if (wakeUp !== null) deliver(wakeUp);
    },
    onConnect: () => undefined,
  });

  /** One statement, so one lock at commit, for all messages. */
  async function notify(channel: string, messages: readonly string[]): Promise<void> {
    await pool.query('select pg_notify($1, message) from unnest($2::text[]) as message', [channel, messages]);
  }

  let looking: NodeJS.Timeout | undefined;
  let closed: Promise<void> | null = null;
  /** Bounded: no statement takes longer than `sendTimeoutMs`. */
  const closePool = async (): Promise<void> => await (closed ??= pool.end());

  return {
    requireUsable: async () => undefined,
    sender: {
      async send(sent: readonly Hint[]) {
        // What the reconciler of a worker sends must reach this worker while its listener is away, or cannot come back.
        permits.wake(sent.length);
        await notify(
          hintChannel,
          sent.map(({ id, epoch }) => `${id}-${epoch}`),
        );
      },
      countWaiting: async () => null,
    },
    receiver: {
      async start(options) {
        hints.start();
        looking = setInterval(() => {
          if (hints.isDeaf()) permits.wake(permitsPerLook);
        }, lookIntervalMs);
        await permits.start(options);
      },
      async poll(countClaimable) {
        if (hints.log.problem === null) return false;
        permits.wake(await countClaimable());
        return true;
      },
      pause: async () => await permits.pause(),
      async stop() {
        clearInterval(looking);
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
      clearInterval(looking);
      await permits.stop();
      await Promise.all([hints.stop(), wakeUpsListener.stop(), closePool()]);
    },
  };
}
