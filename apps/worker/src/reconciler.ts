/**
 * Repairs losses: leases that expired, deadlines that passed, hints that never arrived, texts that came too late. It
 * also deletes jobs whose time is over. Every worker runs one; there is no leader.
 */
import { setImmediate } from 'node:timers/promises';
import {
  errorLine,
  every,
  type ExportLinkStore,
  failpoint,
  type Hint,
  type HintSender,
  type JobStore,
  type Logger,
  newId,
  type Service,
  type TextGenerator,
  type TextStore,
  type WakeUps,
} from '@prosemill/core';
import { fingerprintOf } from './fingerprint-of.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

export interface ReconcilerOptions {
  readonly jobs: JobStore;
  readonly texts: Pick<TextStore, 'sweep'>;
  readonly exportLinks: Pick<ExportLinkStore, 'deleteExpired'>;
  /** Only hints of jobs that its model may run are counted. Workers with other models count the others. */
  readonly generator: Pick<TextGenerator, 'model'>;
  readonly hints: HintSender;
  readonly wakeUps: WakeUps;
  readonly metrics: Pick<WorkerMetrics, 'countRescued' | 'countMissingHints'>;
  readonly logger: Logger;
  /** Called when hints cannot be sent, so that none can arrive either. */
  readonly onHintsFailed: () => void;
}

/** Pause between two rounds. A job without a hint gets one within 5 s: pause, jitter and the round itself. */
const intervalMs = 3_500;
const jitter = 0.2;
const batchSize = 500;
/** With a shorter retention there may be millions, and the other duties must not wait for them. */
const maxBulkMs = 500;

export function createReconciler(options: ReconcilerOptions): Service {
  const { jobs, texts, exportLinks, generator, hints, wakeUps, metrics, logger, onHintsFailed } = options;

  /** Runs the duties one by one. A failed duty does not keep the next from its turn. */
  async function reconcile(signal: AbortSignal): Promise<void> {
    for (const [step, duty] of Object.entries(duties)) {
      if (signal.aborted) return;
      try {
        await duty(signal);
      } catch (error) {
        // The transport logs its own outage.
        const level = duty === sendMissingHints ? 'debug' : 'warn';
        logger[level]({ step, reason: errorLine(error) }, 'a step of the reconciler failed');
        if (duty === sendMissingHints) onHintsFailed();
      }
    }
  }

  const duties: Readonly<Record<string, (signal: AbortSignal) => Promise<void>>> = {
    rescue,
    expire,
    purge,
    'delete old keys': deleteOldKeys,
    'delete expired links': async () => await exportLinks.deleteExpired(),
    'sweep texts': sweepTexts,
    'send missing hints': sendMissingHints,
  };

  async function rescue(signal: AbortSignal): Promise<void> {
    await inBatches('jobs rescued from lost workers', signal, async () => {
      const ids = await jobs.rescueLostJobs(batchSize);
      metrics.countRescued(ids.length);
      if (ids.length > 0) await failpoint('reconciler.after_rescue');
      return ids;
    });
  }

  async function expire(signal: AbortSignal): Promise<void> {
    await inBatches('jobs expired', signal, async () => await jobs.expireJobs(batchSize));
  }

  async function purge(signal: AbortSignal): Promise<void> {
    const endsAt = performance.now() + maxBulkMs;
    await inBatches('jobs deleted, because their time was over', signal, async () => {
      return performance.now() < endsAt ? await jobs.purgeExpiredJobs(batchSize) : [];
    });
  }

  async function deleteOldKeys(signal: AbortSignal): Promise<void> {
    while ((await jobs.deleteOldIdempotencyKeys(batchSize)) === batchSize && !signal.aborted);
  }

  async function sweepTexts(signal: AbortSignal): Promise<void> {
    while ((await texts.sweep(batchSize)) === batchSize && !signal.aborted);
  }

  /** Other work of the process goes on between two batches. */
  async function inBatches(message: string, signal: AbortSignal, nextBatch: () => Promise<readonly string[]>) {
    for (;;) {
      const ids = await nextBatch();
      if (ids.length > 0) {
        logger.info({ count: ids.length }, message);
        wakeUps.publish({ type: 'job-changed', ids });
      }
      if (ids.length < batchSize) return;
      await setImmediate();
      if (signal.aborted) return;
    }
  }

  /** Sends as many hints as there are claimable rows. A transport that keeps no hints gets one page a round. */
  async function sendMissingHints(signal: AbortSignal): Promise<void> {
    const waiting = await hints.countWaiting();
    const fingerprint = fingerprintOf(generator);
    const claimable = await jobs.countClaimable(fingerprint);
    if (waiting !== null && waiting < claimable) metrics.countMissingHints(claimable - waiting);
    let after: string | null = null;
    for (let sent = waiting ?? 0; sent < claimable && !signal.aborted;) {
      const page: readonly Hint[] = await jobs.listClaimable({ fingerprint, after, limit: batchSize });
      const last = page.at(-1);
      if (last === undefined) return await sendFreshPermits();
      await hints.send(page);
      if (waiting === null) return;
      sent = (await hints.countWaiting()) ?? claimable;
      after = last.id;
    }
  }

  /**
   * The transport drops a hint whose id it already has, and the permit of that hint may be in use for another row. So
   * missing permits are sent with random ids. At most a batch a round: unusable permits must not become a flood.
   */
  async function sendFreshPermits(): Promise<void> {
    // Hints are counted before rows: a claim between the two counts can only make the result smaller.
    const waiting = (await hints.countWaiting()) ?? Number.POSITIVE_INFINITY;
    const missing = Math.min((await jobs.countClaimable(fingerprintOf(generator))) - waiting, batchSize);
    if (missing > 0) await hints.send(Array.from({ length: missing }, () => ({ id: newId(), epoch: 0 })));
  }

  return every({
    intervalMs,
    jitter,
    step: reconcile,
    onError: (error) => logger.error({ reason: errorLine(error) }, 'a round of the reconciler failed'),
  });
}
