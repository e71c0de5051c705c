/** @module The worker, for processes that bring its adapters. */
export { createWorker } from './create-worker.ts';
export { engineOptions, workerConfigSchema } from './config.ts';
export { graceMsFor } from './shutdown-grace.ts';
export { workerOptions } from './worker-options.ts';
