/** @module Logs, metrics and traces of the processes. */
export * from './create-logger.ts';
export * from './database-metrics.ts';
export * from './log-warnings.ts';
export * from './metrics.ts';
export * from './tracing.ts';
