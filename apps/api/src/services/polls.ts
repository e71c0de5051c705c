/** Polls that make up for lost wake-ups. */
import { errorLine, every, type Logger, type Loop, type WakeUps } from '@prosemill/core';

export interface PollOptions {
  readonly wakeUps: Pick<WakeUps, 'isDeaf'>;
  readonly step: () => Promise<void>;
  readonly logger: Logger;
  /** Clients that a failed poll delays, for the log. */
  readonly clients: string;
  /** The longest delay by a lost wake-up, and the interval of the polls. Default: 500. */
  readonly intervalMs?: () => number;
  /** The interval while all wake-ups are lost. Default: 100. */
  readonly deafMs?: number;
}

const defaultIntervalMs = (): number => 500;
const defaultDeafMs = 100;

/** A failed poll is followed by slow ones until one succeeds. */
export function createPolls(options: PollOptions): Loop {
  const { wakeUps, step, logger, clients, intervalMs = defaultIntervalMs, deafMs = defaultDeafMs } = options;
  let hasFailed = false;
  return every({
    intervalMs: () => (wakeUps.isDeaf() && !hasFailed ? deafMs : intervalMs()),
    async step() {
      await step();
      hasFailed = false;
    },
    onError: (error) => {
      hasFailed = true;
      logger.debug({ reason: errorLine(error) }, `the poll for ${clients} failed`);
    },
  });
}
