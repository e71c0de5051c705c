/** @module What the processes say about themselves: the log and the metrics. */
export * from './create-logger.ts';
export * from './database-metrics.ts';
export * from './metrics.ts';
