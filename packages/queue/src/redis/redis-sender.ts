/** Sends hints as BullMQ jobs. The job id names the row and its epoch, so that a repeated hint is one job. */
import { type Hint, type HintSender, newId, settleWithin } from '@prosemill/core';
import { Queue } from 'bullmq';
import { createRefusalGate } from './refusal-gate.ts';
import type { SharedConnection } from './redis-connection.ts';

export const hintQueueName = 'hints';
/** BullMQ tries a hint once and keeps no record of it. */
const jobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true } as const;
/** The longest wait for a close when Redis does not answer. */
const closeLimitMs = 2_000;

export interface RedisSender extends HintSender {
  /** Closes the shared connection too. */
  stop(): Promise<void>;
}

export function createRedisSender({ prefix, connection, health }: SharedConnection): RedisSender {
  const { client } = connection;
  const queue = new Queue(hintQueueName, {
    connection: client,
    prefix,
    skipWaitingForReady: true,
    skipMetasUpdate: true,
    // BullMQ asks once, and keeps a refusal for good; redis-server.ts checks instead.
    skipVersionCheck: true,
  });
  // The connection and the gate report errors.
  queue.on('error', () => undefined);
  // The probe is a hint for no row: its permit may find nothing, which does no harm.
  const gate = createRefusalGate({ part: 'hints', health, probe: async () => await add([{ id: newId(), epoch: 0 }]) });

  async function add(hints: readonly Hint[]): Promise<void> {
    requireReady();
    await queue.addBulk(hints.map(toJob));
  }

  function requireReady(): void {
    if (client.status !== 'ready') throw new Error(`Redis is not available (${client.status}).`);
  }

  return {
    send: async (hints) => await gate.run(async () => await add(hints)),
    async countWaiting() {
      requireReady();
      try {
        // Not through the gate: a Redis that refuses writes may still answer reads.
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

const toJob = (hint: Hint) => ({
  name: 'hint',
  data: hint,
  opts: { ...jobOptions, jobId: `${hint.id}-${hint.epoch}` },
});
