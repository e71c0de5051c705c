/** One line when a connection is lost, a line now and then while it is away, one when it is back; fewer when it comes and goes. */
import { errorLine, type Logger } from '@prosemill/core';

export interface ConnectionLog {
  lost(error: unknown): void;
  restored(): void;
  /** Why it is away; null while it is there. */
  readonly problem: string | null;
}

/** While it is away. */
const repeatMs = 60_000;
/** A connection that is lost again so soon after a line is told of only if it stays away. */
const calmMs = 10_000;

export function createConnectionLog(name: string, logger: Logger): ConnectionLog {
  let problem: string | null = null;
  let isTold = false;
  let saidAt = Number.NEGATIVE_INFINITY;
  return {
    lost(error) {
      problem = errorLine(error) || 'the connection was closed';
      if (performance.now() - saidAt < (isTold ? repeatMs : calmMs)) return;
      saidAt = performance.now();
      isTold = true;
      logger.warn({ reason: problem }, `${name} is not available; trying again`);
    },
    restored() {
      if (isTold) logger.info({}, `${name} is available again`);
      isTold = false;
      problem = null;
    },
    get problem() {
      return problem;
    },
  };
}
