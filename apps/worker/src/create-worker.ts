/** A worker: the engine, the permits that feed it, and what keeps both honest. Whoever builds it gives it the adapters. */
import {
  type HintReceiver,
  type HintSender,
  type Logger,
  retryUntilAvailable,
  type Store,
  type TextGenerator,
  type WakeUps,
} from '@prosemill/core';
import type { Metrics } from '@prosemill/telemetry';
import { createHeartbeat } from './heartbeat.ts';
import { createJobRunner } from './job-runner.ts';
import { createReconciler } from './reconciler.ts';
import { RunningJobs } from './running-jobs.ts';
import { createWorkerMetrics } from './worker-metrics.ts';

export interface WorkerOptions {
  readonly store: Store;
  readonly receiver: HintReceiver;
  readonly hints: HintSender;
  readonly wakeUps: WakeUps;
  readonly generator: TextGenerator;
  readonly logger: Logger;
  /** Of the process; the worker registers its own there. */
  readonly metrics: Metrics;
  readonly workerId: string;
  readonly leaseMs: number;
  readonly forbiddenWords: readonly string[];
}

export interface Worker {
  /**
   * Loads the model, then takes permits; resolves when it does.
   * @throws {AppError} `engine_unavailable` when the model cannot be loaded
   */
  start(signal: AbortSignal): Promise<void>;
  /** True while it takes jobs. */
  isReady(): boolean;
  /**
   * Takes nothing more, lets running jobs finish for `graceMs`, hands the rest back, then stops the engine. The adapters stay open:
   * they belong to whoever built them.
   */
  stop(graceMs: number): Promise<void>;
}

export function createWorker(options: WorkerOptions): Worker {
  const { store, receiver, hints, wakeUps, generator, logger, workerId, leaseMs, forbiddenWords } = options;
  const { jobs, workers } = store;
  const running = new RunningJobs();
  const metrics = createWorkerMetrics(options.metrics, running);
  const heartbeat = createHeartbeat({ workers, generator, running, workerId, logger });
  const reconciler = createReconciler({ jobs, hints, wakeUps, metrics, logger });
  const runNextJob = createJobRunner({
    jobs,
    wakeUps,
    generator,
    running,
    logger,
    metrics,
    workerId,
    leaseMs,
    forbiddenWords,
  });
  let isStopping = false;
  const unsubscribe = wakeUps.subscribe(({ type, ids }) => {
    if (type === 'job-cancel') for (const id of ids) running.cancel(id);
  });

  return {
    async start(signal) {
      heartbeat.start();
      reconciler.start();
      await generator.start();
      const { model } = generator;
      if (model === null) throw new TypeError('An engine that is ready has a model.');
      await retryUntilAvailable(() => store.models.save(model.record), { name: 'database', logger, signal });
      signal.throwIfAborted();
      await receiver.start({ concurrency: generator.slots, leaseMs, onPermit: runNextJob });
      logger.info({ workerId, model: model.identity.name, slots: generator.slots }, 'the worker takes jobs');
    },

    isReady: () => !isStopping && generator.state.type === 'ready',

    async stop(graceMs) {
      isStopping = true;
      heartbeat.drain();
      await receiver.pause();
      const cut = setTimeout(() => running.abortAll('shutdown'), graceMs);
      await running.whenIdle();
      clearTimeout(cut);
      await reconciler.stop();
      await receiver.stop();
      await generator.stop();
      unsubscribe();
      await heartbeat.stop();
    },
  };
}
