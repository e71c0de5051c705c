/** Logs the loss of a connection, once a minute while it lasts, and its return; fewer lines while it comes and goes. */
import { errorLine, type Logger } from '@prosemill/core';

export interface ConnectionLog {
  lost(error: unknown): void;
  restored(): void;
  /** The reason of the outage; null while the connection is there. */
  readonly problem: string | null;
}

/** Pause between two lines of one outage. */
const repeatMs = 60_000;
/** A loss this soon after the last line is logged only if the connection stays away. */
const calmMs = 10_000;

export function createConnectionLog(name: string, logger: Logger): ConnectionLog {
  let problem: string | null = null;
  let isLogged = false;
  let loggedAt = Number.NEGATIVE_INFINITY;
  return {
    lost(error) {
      problem = errorLine(error) || 'the connection was closed';
      if (performance.now() - loggedAt < (isLogged ? repeatMs : calmMs)) return;
      loggedAt = performance.now();
      isLogged = true;
      logger.warn({ reason: problem }, `${name} is not available; trying again`);
    },
    restored() {
      if (isLogged) logger.info({}, `${name} is available again`);
      isLogged = false;
      problem = null;
    },
    get problem() {
      return problem;
    },
  };
}
