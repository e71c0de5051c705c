/** Warnings of Node and of libraries (`process.emitWarning`) are lines of the log, as everything else that operators read. */
import type { Logger } from '@prosemill/core';

/** For the life of the process. */
export function logWarnings(logger: Logger): void {
  // Node's own listener writes to standard error.
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => logger.warn({ warning: name, reason: message }, 'a library warns'));
}
