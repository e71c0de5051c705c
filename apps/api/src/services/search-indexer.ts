/** Indexes new and ended jobs for searches. Every API runs one: the cores of a worker belong to its engine. */
import { setImmediate } from 'node:timers/promises';
import { errorLine, every, type JobStore, type Logger, type Service } from '@prosemill/core';

export interface SearchIndexerOptions {
  readonly jobs: Pick<JobStore, 'indexForSearch'>;
  readonly logger: Logger;
}

/** Pause between two rounds. A search indexes the waiting jobs itself, so it does not wait for one. */
const intervalMs = 3_500;
const jitter = 0.2;
/** The terms of a batch are computed at once, and requests wait meanwhile. */
const batchSize = 20;
/** After an upgrade there may be millions, and the process has other work. */
const maxRoundMs = 500;

export function createSearchIndexer({ jobs, logger }: SearchIndexerOptions): Service {
  return every({
    intervalMs,
    jitter,
    async step(signal) {
      const endsAt = performance.now() + maxRoundMs;
      const isOver = (): boolean => signal.aborted || performance.now() >= endsAt;
      while ((await jobs.indexForSearch(batchSize)) === batchSize && !isOver()) await setImmediate();
    },
    onError: (error) => logger.debug({ reason: errorLine(error) }, 'jobs could not be indexed for searches'),
  });
}
