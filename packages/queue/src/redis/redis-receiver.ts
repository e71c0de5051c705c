/** Receives hints with a BullMQ worker. Each of its jobs is a permit, and its result in BullMQ has no meaning. */
import { setTimeout as delay } from 'node:timers/promises';
import { type HintReceiver, type Logger, type PermitResult, type ReceiveOptions, settleWithin } from '@prosemill/core';
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
/** Pause after an error that is neither the connection's nor a refusal; BullMQ's default is 15 s. */
const retryDelayMs = 1_000;
/** BullMQ fetches, blocks and looks for stalled hints at once, so a worker without a refusal for this long works. */
const trialMs = 2_000;
/** The longest wait for a close when Redis does not answer. */
const closeLimitMs = 2_000;

export function createRedisReceiver(options: RedisReceiverOptions): HintReceiver {
  const { url, prefix, health, logger } = options;
  const running = new Set<Promise<unknown>>();
  const pool = createPermitPool(() => !isConnected());
  const gate = createRefusalGate({ part: 'permits', health, probe: tryWorker });
  let receive: ReceiveOptions | null = null;
  let connection: RedisConnection | null = null;
  let worker: Worker | null = null;
  let isPaused = false;

  const isConnected = (): boolean => gate.isOpen && connection?.client.status === 'ready';

  /**
   * BullMQ repeats a refused command without a pause, thousands of times a second, so a refusal closes the worker at
   * once. The close is forced: Redis would refuse an orderly one too. The hints that the worker holds count as
   * stalled, and come again.
   */
  function openWorker({ concurrency, leaseMs }: ReceiveOptions, { client }: RedisConnection): Worker {
    const opened = new Worker(
      hintQueueName,
      // Jobs that the pool found may still occupy every slot.
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
      logger.debug({ reason: error.message }, 'BullMQ reports an error');
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

  /** Drops a permit that comes during the pause: the reconciler sends its hint again. */
  async function usePermit(): Promise<PermitResult> {
    if (isPaused || receive === null || running.size >= receive.concurrency) return 'unused';
    const permit = receive.onPermit();
    running.add(permit);
    return await permit.finally(() => running.delete(permit));
  }

  return {
    async start(receiveOptions) {
      receive = receiveOptions;
      connection = connectRedis({ url, options: patientOptions, part: 'permits connection', health });
      worker = openWorker(receiveOptions, connection);
      await pool.start({
        ...receiveOptions,
        async onPermit() {
          const result = await usePermit();
          // The pool's loops end when hints arrive again.
          return isConnected() ? 'unused' : result;
        },
      });
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
