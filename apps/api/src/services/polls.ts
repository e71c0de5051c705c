/** Polls that make up for lost wake-ups. */
import { errorLine, every, type Logger, type Loop, type WakeUps } from '@prosemill/core';

export interface PollOptions {
  readonly wakeUps: Pick<WakeUps, 'isDeaf'>;
  readonly step: () => Promise<void>;
  readonly logger: Logger;
  /** Clients that a failed poll delays, for the log. */
  readonly clients: string;
  /** The interval while all wake-ups are lost. Default: 100. */
  readonly deafMs?: number;
}

/** The longest delay by a lost wake-up, and the longest while all wake-ups are lost. */
const pollMs = 500;
const defaultDeafMs = 100;

/** A failed poll is followed by slow ones until one succeeds. */
export function createPolls({ wakeUps, step, logger, clients, deafMs = defaultDeafMs }: PollOptions): Loop {
  let hasFailed = false;
  return every({
    intervalMs: () => (wakeUps.isDeaf() && !hasFailed ? deafMs : pollMs),
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
