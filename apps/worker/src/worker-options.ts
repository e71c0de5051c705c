import type { Adapters } from '@prosemill/composition';
import { newId } from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import { engineOptions, type WorkerSettings } from './config.ts';
import type { WorkerOptions } from './create-worker.ts';

/** The options of a worker with this configuration, an engine of its own, and the adapters of its process. */
export const workerOptions = (config: WorkerSettings, { queue, ...adapters }: Adapters): WorkerOptions => ({
  ...adapters,
  receiver: queue.receiver,
  hints: queue.sender,
  wakeUps: queue.wakeUps,
  transportProblems: queue.problems,
  generator: createTextGenerator({ ...engineOptions(config), logger: adapters.logger }),
  workerId: newId(),
  leaseMs: config.LEASE_SECONDS * 1_000,
  forbiddenWords: config.FORBIDDEN_WORDS,
});
