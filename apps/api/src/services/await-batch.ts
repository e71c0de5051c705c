/** Waits for the end of a batch, one unfinished job after another: so a wait counts as one watcher. */
import { hasBatchEnded } from '@prosemill/contract';
import { type Batch, isTerminal, type Job, type Store } from '@prosemill/core';
import type { JobFeed } from './job-feed.ts';

export interface AwaitBatchOptions {
  readonly store: Pick<Store, 'batches' | 'jobs'>;
  readonly feed: Pick<JobFeed, 'wait'>;
  readonly timeoutMs: number;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

const hasEnded = ({ status }: Pick<Job, 'status'>): boolean => isTerminal(status);

/**
 * Also returns when the time is over, when the process stops, and at once when the owner has too many watchers.
 * @returns the batch as last read
 */
export async function awaitBatch(batch: Batch, options: AwaitBatchOptions): Promise<Batch> {
  const { store, feed, timeoutMs, signal } = options;
  const endsAtMs = performance.now() + timeoutMs;
  const { id, ownerId } = batch;
  for (let latest = batch; ;) {
    const unfinished = latest.jobs.find((each) => !hasEnded(each));
    const leftMs = endsAtMs - performance.now();
    if (unfinished === undefined || leftMs <= 0) return latest;
    const job = await store.jobs.find(ownerId, unfinished.id);
    const ended = job && (await feed.wait({ job, until: hasEnded, timeoutMs: leftMs, signal }));
    latest = (await store.batches.find(ownerId, id)) ?? latest;
    if (ended === null || !hasEnded(ended) || hasBatchEnded(latest)) return latest;
  }
}
