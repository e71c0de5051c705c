/** A worker: the engine, the permits that feed it, and the services that watch both. The caller brings the adapters. */
import {
  errorLine,
  type HintReceiver,
  type HintSender,
  type Logger,
  retryUntilAvailable,
  settleWithin,
  type Store,
  type TextGenerator,
  type WakeUps,
} from '@prosemill/core';
import type { Metrics, Tracing } from '@prosemill/telemetry';
import { EngineGate } from './engine-gate.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createJobRunner } from './job-runner.ts';
import { createProgressWatchdog } from './progress-watchdog.ts';
import { createReconciler } from './reconciler.ts';
import { RunningJobs } from './running-jobs.ts';
import { SlotBoard } from './slot-board.ts';
import { TextJournal } from './text-journal.ts';
import { createSpeedMeter } from './speed-meter.ts';
import { createWorkerMetrics } from './worker-metrics.ts';

export interface WorkerOptions {
  readonly store: Store;
  readonly receiver: HintReceiver;
  readonly hints: HintSender;
  readonly wakeUps: WakeUps;
  /** The reasons why hints are late now; empty while hints are on time. */
  readonly transportProblems: () => readonly string[];
  readonly generator: TextGenerator;
  readonly logger: Logger;
  /** The registry of the process; the worker registers its own metrics there. */
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly workerId: string;
  readonly leaseMs: number;
  readonly forbiddenWords: readonly string[];
}

export interface Worker {
  /**
   * Loads the model, then takes permits. Resolves when the worker is ready for the first.
   * @throws {AppError} `engine_unavailable` when the model cannot be loaded
   */
  start(signal: AbortSignal): Promise<void>;
  /** Rejects when the worker cannot go on, after the attempt to hand its jobs back; never resolves. */
  readonly failed: Promise<never>;
  /** True while the worker takes jobs. */
  isReady(): boolean;
  /**
   * Takes no more jobs, lets running jobs finish for `graceMs`, hands the rest back, then stops the engine. An
   * unavailable database gets some seconds more. The adapters stay open: they belong to the caller. Idempotent: a later
   * call waits for the end of the first.
   */
  stop(graceMs: number): Promise<void>;
}

/** Limit for handing jobs back while the database is unavailable; the rest return when their leases expire. */
const handBackLimitMs = 5_000;
/** Limit for the stop of a worker that cannot go on. */
const failLimitMs = 15_000;

export function createWorker(options: WorkerOptions): Worker {
  const { store, receiver, wakeUps, generator, logger, workerId, leaseMs } = options;
  const running = new RunningJobs();
  const metrics = createWorkerMetrics(options.metrics, { running, generator });
  const speed = createSpeedMeter(generator);
  const gate = new EngineGate(generator);
  const board = new SlotBoard();
  const journal = new TextJournal({ ...options, texts: store.texts, metrics });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  let stopping: Promise<void> | null = null;
  let isStarted = false;

  const heartbeat = createHeartbeat({ ...options, workers: store.workers, running, board, speed });
  const watchdog = createProgressWatchdog({
    jobs: store.jobs,
    generator,
    canClaim: () => stopping === null && gate.isOpen && running.count < generator.slots,
    onStuck: (error) => void fail(error),
  });
  const onHintsFailed = () => watchdog.reset();
  const reconciler = createReconciler({ ...options, ...store, metrics, onHintsFailed });
  const runNextJob = createJobRunner({
    ...options,
    jobs: store.jobs,
    gate,
    running,
    journal,
    board,
    metrics,
    speed,
    onClaimAnswered: () => watchdog.reset(),
  });
  const unsubscribe = wakeUps.subscribe(({ type, ids }) => {
    if (type === 'job-cancel') for (const id of ids) running.cancel(id);
    if (type === 'job-watch') journal.watch(ids);
    if (type === 'worker-look' && ids.includes(workerId)) heartbeat.look();
  });
  generator.onSteps((steps) => {
    metrics.observeSteps(steps);
    speed.addSteps(steps);
  });
  generator.onStateChange((state) => {
    if (isStarted && state.type === 'failed') void fail(state.error);
  });

  async function fail(cause: Error): Promise<void> {
    const limit = setTimeout(() => failed.reject(cause), failLimitMs);
    await stop(0).catch((reason: unknown) => logger.warn({ reason: errorLine(reason) }, 'the worker could not stop'));
    clearTimeout(limit);
    failed.reject(cause);
  }

  async function stop(graceMs: number): Promise<void> {
    stopping ??= stopOnce(graceMs);
    await stopping;
  }

  async function stopOnce(graceMs: number): Promise<void> {
    const watchdogStopped = watchdog.stop();
    heartbeat.drain();
    gate.close();
    const paused = settleWithin(graceMs + handBackLimitMs, receiver.pause());
    const cut = setTimeout(() => running.abortAll('shutdown'), graceMs);
    const end = setTimeout(() => running.giveUp(), graceMs + handBackLimitMs);
    await settleWithin(graceMs + 2 * handBackLimitMs, gate.whenEmpty());
    await paused;
    clearTimeout(cut);
    clearTimeout(end);
    const receiverStopped = settleWithin(handBackLimitMs, receiver.stop());
    await Promise.all([watchdogStopped, reconciler.stop(), journal.stop(), receiverStopped]);
    await generator.stop();
    unsubscribe();
    await heartbeat.stop();
  }

  return {
    failed: failed.promise,
    isReady: () => stopping === null && generator.state.type === 'ready',
    stop,
    async start(signal) {
      heartbeat.start();
      reconciler.start();
      journal.start();
      await generator.start();
      const { model } = generator;
      if (model === null) throw new TypeError('An engine that is ready has a model.');
      await retryUntilAvailable(() => store.models.save(model.record), { name: 'database', logger, signal });
      signal.throwIfAborted();
      await receiver.start({
        concurrency: generator.slots,
        leaseMs,
        onPermit: runNextJob,
        countClaimable: async () => await store.jobs.countClaimable(model.identity.fingerprint),
      });
      isStarted = true;
      watchdog.start();
      logger.info({ workerId, model: model.identity.name, slots: generator.slots }, 'the worker takes jobs');
    },
  };
}
