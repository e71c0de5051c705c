/** One line when a connection is lost, a line now and then while it is away, one when it is back. */
import { errorLine, type Logger } from '@prosemill/core';

export interface ConnectionLog {
  lost(error: unknown): void;
  restored(): void;
  /** Why it is away; null while it is there. */
  readonly problem: string | null;
}

const repeatMs = 10_000;

export function createConnectionLog(name: string, logger: Logger): ConnectionLog {
  let problem: string | null = null;
  let saidAt = Number.NEGATIVE_INFINITY;
  return {
    lost(error) {
      const isNew = problem === null;
      problem = errorLine(error) || 'the connection was closed';
      if (!isNew && performance.now() - saidAt < repeatMs) return;
      saidAt = performance.now();
      logger.warn({ reason: problem }, `${name} is not available; trying again`);
    },
    restored() {
      if (problem !== null) logger.info({}, `${name} is available again`);
      problem = null;
      saidAt = Number.NEGATIVE_INFINITY;
    },
    get problem() {
      return problem;
    },
  };
}
