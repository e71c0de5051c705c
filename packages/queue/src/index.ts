/** @module Hints and wake-ups: Redis, Postgres, or inside one process. */
export { createQueue, type QueueOptions } from './create-queue.ts';
export type { Queue } from './queue.ts';
