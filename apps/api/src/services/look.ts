/** Tells the workers that somebody looks at them, so that they report what is in their slots. */
import { coalesced, errorLine, type Logger, type WakeUps, type WorkerStore } from '@prosemill/core';

export interface LookOptions {
  readonly workers: Pick<WorkerStore, 'look'>;
  readonly wakeUps: Pick<WakeUps, 'publish'>;
  readonly logger: Logger;
}

/** Never throws, and does not wait. */
export type Look = () => void;

/** The shortest time between two looks of this process: less than half of `lookMs`, for which a look counts. */
const intervalMs = 2_000;

export function createLook({ workers, wakeUps, logger }: LookOptions): Look {
  const look = coalesced(intervalMs, async () => {
    try {
      const ids = await workers.look();
      if (ids.length > 0) wakeUps.publish({ type: 'worker-look', ids });
    } catch (error) {
      logger.debug({ reason: errorLine(error) }, 'the workers do not know that somebody looks');
    }
  });
  return () => void look();
}
