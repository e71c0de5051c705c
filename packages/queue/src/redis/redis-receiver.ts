/** A BullMQ worker whose every job is a permit. What BullMQ thinks of the outcome decides nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { type HintReceiver, type Logger, type ReceiveOptions, settleWithin } from '@prosemill/core';
import { Worker } from 'bullmq';
import { createPermitPool } from '../permit-pool.ts';
import { createRefusalGate } from './refusal-gate.ts';
import { connectRedis, patientOptions, type RedisConnection } from './redis-connection.ts';
import { isRefusal, type RedisHealth } from './redis-health.ts';
import { hintQueueName } from './redis-sender.ts';

export interface RedisReceiverOptions {
  readonly url: string;
  readonly prefix: string;
  readonly health: RedisHealth;
  readonly logger: Logger;
}

const stalledIntervalMs = 10_000;
/** After an error that is neither the connection's nor an answer of Redis's. BullMQ's own is 15 s. */
const retryDelayMs = 1_000;
/** BullMQ fetches, blocks and looks for stalled hints within the first moments; after so long without a refusal it is at work. */
const trialMs = 2_000;
/** The longest wait for a close when Redis does not answer. */
const closeLimitMs = 2_000;

export function createRedisReceiver(options: RedisReceiverOptions): HintReceiver {
  const { url, prefix, health, logger } = options;
  const running = new Set<Promise<unknown>>();
  const pool = createPermitPool();
  const gate = createRefusalGate({ part: 'permits', health, probe: tryWorker });
  let receive: ReceiveOptions | null = null;
  let connection: RedisConnection | null = null;
  let worker: Worker | null = null;
  let isPaused = false;
  let isPolling = false;

  const isConnected = (): boolean => gate.isOpen && connection?.client.status === 'ready';

  /**
   * BullMQ tries again what Redis refuses without a pause, thousands of times a second: such a worker is closed at once, by force, as nothing that it
   * could say goodbye with would be heard. The hints it holds count as stalled, and come again.
   */
  function openWorker({ concurrency, leaseMs }: ReceiveOptions, { client }: RedisConnection): Worker {
    const opened = new Worker(
      hintQueueName,
      // A hint may come while jobs that were polled for have every slot.
      async () => {
        while (running.size >= concurrency) await Promise.race(running);
        await usePermit();
      },
      {
        connection: client,
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
    opened.on('error', (error) => {
      logger.debug({ reason: error.message }, 'BullMQ reports');
      if (opened !== worker || !isRefusal(error)) return;
      worker = null;
      void opened.close(true);
      gate.refused(error);
    });
    return opened;
  }

  async function tryWorker(): Promise<void> {
    if (isPaused || receive === null || connection?.client.status !== 'ready') throw new Error('Redis is away.');
    worker ??= openWorker(receive, connection);
    await delay(trialMs, undefined, { ref: false });
  }

  /** A hint that arrives during the pause is dropped; the reconciler sends it again. */
  async function usePermit(): Promise<boolean> {
    if (isPaused || receive === null || running.size >= receive.concurrency) return false;
    const permit = receive.onPermit();
    running.add(permit);
    return await permit.finally(() => running.delete(permit));
  }

  return {
    async start(receiveOptions) {
      receive = receiveOptions;
      connection = connectRedis({ url, options: patientOptions, part: 'permits connection', health });
      worker = openWorker(receiveOptions, connection);
    },
    async poll(countClaimable) {
      if (isPaused || receive === null) return false;
      if (isConnected()) {
        isPolling = false;
        await pool.pause();
        return false;
      }
      if (!isPolling) await pool.start({ ...receive, onPermit: usePermit });
      isPolling = true;
      pool.wake(await countClaimable());
      return true;
    },
    async pause() {
      isPaused = true;
      gate.stop();
      await pool.pause();
      await worker?.pause(true);
    },
    async stop() {
      isPaused = true;
      gate.stop();
      // BullMQ's own wait would also wait for a Redis that is away.
      await Promise.all([...running, pool.stop()]);
      if (worker !== null) await settleWithin(closeLimitMs, worker.close(true));
      connection?.disconnect();
    },
  };
}
