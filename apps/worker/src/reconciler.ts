/** Puts right what got lost: leases that ran out, deadlines that passed, hints that never arrived. Every worker runs one; no leader. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  errorLine,
  failpoint,
  type Hint,
  type HintSender,
  type JobStore,
  type Logger,
  type WakeUps,
} from '@prosemill/core';
import type { WorkerMetrics } from './worker-metrics.ts';

export interface ReconcilerOptions {
  readonly jobs: JobStore;
  readonly hints: HintSender;
  readonly wakeUps: WakeUps;
  readonly metrics: Pick<WorkerMetrics, 'countRescued'>;
  readonly logger: Logger;
  /** The database or the hints are out of order. */
  readonly onFailure: () => void;
}

export interface Reconciler {
  start(): void;
  /** Resolves when the round under way is over. Idempotent. */
  stop(): Promise<void>;
}

const intervalMs = 5_000;
/** ± of the interval, so that many workers do not come at once. */
const jitter = 0.2;
const batchSize = 500;

export function createReconciler({ jobs, hints, wakeUps, metrics, logger, onFailure }: ReconcilerOptions): Reconciler {
  const stopped = new AbortController();
  let rounds: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        await reconcile();
      } catch (error) {
        onFailure();
        logger.warn({ reason: errorLine(error) }, 'the reconciler could not finish its round');
      }
      const waitMs = intervalMs * (1 + jitter * (2 * Math.random() - 1));
      await delay(waitMs, undefined, { signal: stopped.signal }).catch(() => null);
    }
  }

  async function reconcile(): Promise<void> {
    await inBatches('jobs rescued from lost workers', async () => {
      const ids = await jobs.rescueLostJobs(batchSize);
      metrics.countRescued(ids.length);
      if (ids.length > 0) await failpoint('reconciler.after_rescue');
      return ids;
    });
    await inBatches('jobs expired', () => jobs.expireJobs(batchSize));
    while ((await jobs.deleteOldIdempotencyKeys(batchSize)) === batchSize && !stopped.signal.aborted);
    await sendMissingHints();
  }

  async function inBatches(what: string, nextBatch: () => Promise<readonly string[]>): Promise<void> {
    for (;;) {
      const ids = await nextBatch();
      if (ids.length > 0) {
        logger.info({ count: ids.length }, what);
        wakeUps.publish({ type: 'job-changed', ids });
      }
      if (ids.length < batchSize || stopped.signal.aborted) return;
    }
  }

  /** As many hints as claimable rows; a transport that keeps none gets a page of them at each round. */
  async function sendMissingHints(): Promise<void> {
    const waiting = await hints.countWaiting();
    const claimable = await jobs.countClaimable();
    if (claimable <= (waiting ?? 0)) return;
    let after: string | null = null;
    for (let sent = waiting ?? 0; sent < claimable && !stopped.signal.aborted;) {
      const page: readonly Hint[] = await jobs.listClaimable({ after, limit: batchSize });
      const last = page.at(-1);
      if (last === undefined) return;
      await hints.send(page);
      if (waiting === null) return;
      sent = (await hints.countWaiting()) ?? claimable;
      after = last.id;
    }
  }

  return {
    start() {
      rounds = run();
    },
    async stop() {
      stopped.abort();
      await rounds;
    },
  };
}
