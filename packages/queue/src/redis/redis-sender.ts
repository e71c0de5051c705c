/** Hints as BullMQ jobs: the id names the row and its return to the queue, so that a repeated hint is one hint. */
import { type Hint, type HintSender, newId, settleWithin } from '@prosemill/core';
import { Queue } from 'bullmq';
import { createRefusalGate } from './refusal-gate.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisHealth } from './redis-health.ts';

export const hintQueueName = 'hints';
/** A hint is tried once, and nothing of it stays. */
const jobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true } as const;
/** The longest wait for a close when Redis does not answer. */
const closeLimitMs = 2_000;

export interface RedisSenderOptions {
  readonly prefix: string;
  /** The fail-fast one; the sender closes it. */
  readonly connection: RedisConnection;
  readonly health: RedisHealth;
}

export interface RedisSender extends HintSender {
  stop(): Promise<void>;
}

export function createRedisSender({ prefix, connection, health }: RedisSenderOptions): RedisSender {
  const { client } = connection;
  const queue = new Queue(hintQueueName, {
    connection: client,
    prefix,
    skipWaitingForReady: true,
    skipMetasUpdate: true,
    // Asked once, and a refusal would stay for good; redis-server.ts looks instead.
    skipVersionCheck: true,
  });
  // The connection and the gate tell of errors.
  queue.on('error', () => undefined);
  // A hint that names no row is a permit that finds nothing.
  const gate = createRefusalGate({ part: 'hints', health, probe: async () => await add([{ id: newId(), epoch: 0 }]) });

  async function add(hints: readonly Hint[]): Promise<void> {
    requireReady();
    await queue.addBulk(
      hints.map((hint) => ({ name: 'hint', data: hint, opts: { ...jobOptions, jobId: jobIdOf(hint) } })),
    );
  }

  function requireReady(): void {
    if (client.status !== 'ready') throw new Error(`Redis is not available (${client.status}).`);
  }

  return {
    send: async (hints) => await gate.run(async () => await add(hints)),
    async countWaiting() {
      requireReady();
      try {
        // Not by the gate: a Redis that refuses to be written to may still be read.
        return await queue.getWaitingCount();
      } catch (error) {
        gate.refused(error);
        throw error;
      }
    },
    async stop() {
      gate.stop();
      await settleWithin(closeLimitMs, queue.close());
      connection.disconnect();
    },
  };
}

const jobIdOf = ({ id, epoch }: Hint): string => `${id}-${epoch}`;
