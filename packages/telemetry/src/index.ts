/** @module What the processes say about themselves: so far the log. */
export * from './create-logger.ts';
