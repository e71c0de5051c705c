/** Hints as BullMQ jobs: the id names the row and its return to the queue, so that a repeated hint is one hint. */
import { type Hint, type HintReceiver, type HintSender, type Logger, settleWithin } from '@prosemill/core';
import { Queue, Worker } from 'bullmq';
import { connectRedis, patientOptions, type RedisConnection } from './redis-connection.ts';

export interface RedisHintOptions {
  readonly url: string;
  readonly prefix: string;
  readonly logger: Logger;
}

const queueName = 'hints';
/** A hint is tried once, and nothing of it stays. */
const jobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true } as const;
const stalledIntervalMs = 10_000;
/** After an answer such as "out of memory". BullMQ's own is 15 s. */
const retryDelayMs = 1_000;
/** What a close may take when Redis does not answer. */
const closeLimitMs = 2_000;

export function createRedisSender({ prefix }: RedisHintOptions, connection: RedisConnection): HintSender {
  const { client } = connection;
  let opening: Promise<Queue> | null = null;

  /** Opened when Redis is there: BullMQ asks it for its version once, and a refusal would stay for good. */
  async function openQueue(): Promise<Queue> {
    if (client.status !== 'ready') throw new Error(`Redis is not available (${client.status}).`);
    opening ??= open().catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return await opening;
  }

  async function open(): Promise<Queue> {
    const queue = new Queue(queueName, {
      connection: client,
      prefix,
      skipWaitingForReady: true,
      skipMetasUpdate: true,
    });
    // The connection logs its own errors.
    queue.on('error', () => undefined);
    await queue.waitUntilReady();
    return queue;
  }

  return {
    async send(hints) {
      const queue = await openQueue();
      await queue.addBulk(
        hints.map((hint) => ({ name: 'hint', data: hint, opts: { ...jobOptions, jobId: jobIdOf(hint) } })),
      );
    },
    async countWaiting() {
      const queue = await openQueue();
      return await queue.getWaitingCount();
    },
    async stop() {
      const queue = await opening?.catch(() => null);
      if (queue != null) await settleWithin(closeLimitMs, queue.close());
      connection.disconnect();
    },
  };
}

const jobIdOf = ({ id, epoch }: Hint): string => `${id}-${epoch}`;

/** A BullMQ worker whose every job is a permit. What BullMQ thinks of the outcome decides nothing. */
export function createRedisReceiver({ url, prefix, logger }: RedisHintOptions): HintReceiver {
  let worker: Worker | null = null;
  let isPaused = false;
  let connection: RedisConnection | null = null;
  const running = new Set<Promise<unknown>>();

  return {
    async start({ concurrency, leaseMs, onPermit }) {
      connection = connectRedis(url, patientOptions, 'Redis (permits)', logger);
      worker = new Worker(
        queueName,
        async () => {
          // A hint that arrives during the pause is dropped; the reconciler sends it again.
          if (isPaused) return;
          const permit = onPermit();
          running.add(permit);
          await permit.finally(() => running.delete(permit));
        },
        {
          connection: connection.client,
          prefix,
          concurrency,
          lockDuration: leaseMs,
          stalledInterval: stalledIntervalMs,
          runRetryDelay: retryDelayMs,
          skipVersionCheck: true,
          removeOnComplete: { count: 0 },
          removeOnFail: { count: 0 },
        },
      );
      const log = connection.log;
      worker.on('error', (error) => logger.debug({ reason: error.message, away: log.problem }, 'BullMQ reports'));
    },
    async pause() {
      isPaused = true;
      await worker?.pause(true);
    },
    async stop() {
      isPaused = true;
      // BullMQ's own wait would also wait for a Redis that is away.
      await Promise.all(running);
      if (worker !== null) await settleWithin(closeLimitMs, worker.close(true));
      connection?.disconnect();
    },
  };
}
