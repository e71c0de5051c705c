/** Writes the warnings of Node and of libraries to the log. */
import { format } from 'node:util';
import type { Logger } from '@prosemill/core';

/** Redirects `process.emitWarning` for the life of the process, and the console, to which BullMQ and ioredis write. */
export function logWarnings(logger: Logger): void {
  // Node's own listener writes to standard error.
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => logger.warn({ warning: name, reason: message }, 'a library warns'));
  const toLog = (...values: unknown[]): void => logger.warn({ reason: format(...values) }, 'a library warns');
  Object.assign(console, { warn: toLog, error: toLog });
}
