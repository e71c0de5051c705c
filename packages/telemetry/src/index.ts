/** @module What the processes say about themselves: the log, the metrics and the traces. */
export * from './create-logger.ts';
export * from './database-metrics.ts';
export * from './log-warnings.ts';
export * from './metrics.ts';
export * from './tracing.ts';
