/** Warnings of Node and of libraries are lines of the log, as everything else that operators read. */
import { format } from 'node:util';
import type { Logger } from '@prosemill/core';

/** For the life of the process: `process.emitWarning`, and the console, where BullMQ and ioredis write theirs. */
export function logWarnings(logger: Logger): void {
  // Node's own listener writes to standard error.
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => logger.warn({ warning: name, reason: message }, 'a library warns'));
  const toLog = (...values: unknown[]): void => logger.warn({ reason: format(...values) }, 'a library warns');
  Object.assign(console, { warn: toLog, error: toLog });
}
