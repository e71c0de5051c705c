/** Puts right what got lost: leases that ran out, deadlines that passed, hints that never arrived. Every worker runs one; no leader. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  errorLine,
  failpoint,
  type Hint,
  type HintSender,
  type JobStore,
  type Logger,
  newId,
  type WakeUps,
} from '@prosemill/core';
import type { WorkerMetrics } from './worker-metrics.ts';

export interface ReconcilerOptions {
  readonly jobs: JobStore;
  readonly hints: HintSender;
  readonly wakeUps: WakeUps;
  readonly metrics: Pick<WorkerMetrics, 'countRescued' | 'countMissingHints'>;
  readonly logger: Logger;
  /** Hints could not be sent: then none can come. */
  readonly onHintsFailed: () => void;
}

export interface Reconciler {
  start(): void;
  /** Resolves when the round under way is over. Idempotent. */
  stop(): Promise<void>;
}

/** Between two rounds. A job without a hint gets one within 5 s: this, the jitter, and the round itself. */
const intervalMs = 3_500;
/** ± of the interval, so that many workers do not come at once. */
const jitter = 0.2;
const batchSize = 500;

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { jobs, hints, wakeUps, metrics, logger, onHintsFailed } = options;
  const stopped = new AbortController();
  let rounds: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      await reconcile();
      const waitMs = intervalMs * (1 + jitter * (2 * Math.random() - 1));
      await delay(waitMs, undefined, { signal: stopped.signal }).catch(() => null);
    }
  }

  async function reconcile(): Promise<void> {
    await attempt('rescue', async () => await inBatches('jobs rescued from lost workers', rescue));
    await attempt('expire', async () => await inBatches('jobs expired', async () => await jobs.expireJobs(batchSize)));
    await attempt('delete old keys', deleteOldKeys);
    // The transport says in the log itself that it is away.
    const areHintsSent = await attempt('send missing hints', sendMissingHints, 'debug');
    if (!areHintsSent) onHintsFailed();
  }

  /** A step on its own: one that fails keeps no other from its turn. @returns false when it failed */
  async function attempt(
    step: string,
    takeStep: () => Promise<void>,
    level: 'warn' | 'debug' = 'warn',
  ): Promise<boolean> {
    if (stopped.signal.aborted) return true;
    try {
      await takeStep();
      return true;
    } catch (error) {
      logger[level]({ step, reason: errorLine(error) }, 'a step of the reconciler failed');
      return false;
    }
  }

  async function rescue(): Promise<readonly string[]> {
    const ids = await jobs.rescueLostJobs(batchSize);
    metrics.countRescued(ids.length);
    if (ids.length > 0) await failpoint('reconciler.after_rescue');
    return ids;
  }

  async function deleteOldKeys(): Promise<void> {
    while ((await jobs.deleteOldIdempotencyKeys(batchSize)) === batchSize && !stopped.signal.aborted);
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
    if (waiting !== null && waiting < claimable) metrics.countMissingHints(claimable - waiting);
    let after: string | null = null;
    for (let sent = waiting ?? 0; sent < claimable && !stopped.signal.aborted;) {
      const page: readonly Hint[] = await jobs.listClaimable({ after, limit: batchSize });
      const last = page.at(-1);
      if (last === undefined) return await sendFreshPermits();
      await hints.send(page);
      if (waiting === null) return;
      sent = (await hints.countWaiting()) ?? claimable;
      after = last.id;
    }
  }

  /**
   * A transport ignores the hint of a row while it has one of that id, be it in use for another row: what still lacks comes as permits that name
   * no row. At most a batch a round: permits that nobody can use must not turn into a flood.
   */
  async function sendFreshPermits(): Promise<void> {
    // Waiting first: what is claimed between the two counts makes it less, never more.
    const waiting = (await hints.countWaiting()) ?? Number.POSITIVE_INFINITY;
    const missing = Math.min((await jobs.countClaimable()) - waiting, batchSize);
    if (missing > 0) await hints.send(Array.from({ length: missing }, () => ({ id: newId(), epoch: 0 })));
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
