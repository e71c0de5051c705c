/** @module Hints, wake-ups and rate limits: on Redis, on Postgres, or inside one process. */
export { createQueue, type QueueOptions } from './create-queue.ts';
export type { Queue } from './queue.ts';
