/** @module The worker as a part, for whoever builds it with its adapters. */
export { createWorker, type Worker, type WorkerOptions } from './create-worker.ts';
export { engineOptions, type WorkerConfig, workerConfigSchema } from './config.ts';
export { graceMsFor } from './shutdown-grace.ts';
