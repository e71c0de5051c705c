/**
 * Reports the state of this worker to the database: at once when it changes, else at each heartbeat. While somebody
 * looks, heartbeats are more frequent, and tell what is in the slots.
 */
import {
  errorLine,
  type EngineState,
  every,
  heartbeatMs,
  hintsLateNote,
  loadPhases,
  type Logger,
  lookMs,
  type Service,
  serviceStopLimitMs,
  settleWithin,
  type TextGenerator,
  watchedHeartbeatMs,
  type WorkerReport,
  type WorkerState,
  type WorkerStore,
} from '@prosemill/core';
import type { RunningJobs } from './running-jobs.ts';
import type { SlotBoard } from './slot-board.ts';
import type { SpeedMeter } from './speed-meter.ts';

export interface HeartbeatOptions {
  readonly workers: Pick<WorkerStore, 'report' | 'remove'>;
  readonly generator: TextGenerator;
  readonly running: RunningJobs;
  readonly board: Pick<SlotBoard, 'report'>;
  readonly speed: Pick<SpeedMeter, 'current'>;
  /** The reasons why hints are late now; empty while hints are on time. */
  readonly transportProblems: () => readonly string[];
  readonly workerId: string;
  readonly logger: Logger;
}

export interface Heartbeat extends Service {
  /** Reports the worker as draining from now on. */
  drain(): void;
  /** Somebody looks at the worker now. */
  look(): void;
  /** Also deletes the worker's row. */
  stop(): Promise<void>;
}

/** The least time between two progress reports within one phase of a load. */
const minIntervalMs = 500;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { workers, generator, running, board, speed, transportProblems, workerId, logger } = options;
  let isDraining = false;
  let watchedUntil = Number.NEGATIVE_INFINITY;
  let lastReportAt = Number.NEGATIVE_INFINITY;
  let lastState: string | null = null;
  let unsubscribe: (() => void) | null = null;
  let stopping: Promise<void> | null = null;

  const isWatched = (): boolean => performance.now() < watchedUntil;
  const noteLook = (): void => void (watchedUntil = performance.now() + lookMs);

  const report = (): WorkerReport => ({
    id: workerId,
    state: isDraining ? 'draining' : workerStateOf[generator.state.type],
    loadProgress: generator.state.type === 'loading' ? generator.state.progress : null,
    note: generator.state.type === 'ready' && transportProblems().length > 0 ? hintsLateNote : noteOf(generator),
    model: generator.model?.identity ?? null,
    slots: generator.slots,
    busy: running.count,
    speed: speed.current(),
    activity: isWatched() ? board.report(generator.slots) : null,
  });

  // One report at a time, so that an old one never overwrites a new one.
  const reports = every({
    intervalMs: () => (isWatched() ? watchedHeartbeatMs : heartbeatMs),
    async step() {
      lastReportAt = performance.now();
      // The answer makes up for a lost wake-up.
      if (await workers.report(report())) noteLook();
    },
    onError: (error) => logger.warn({ reason: errorLine(error) }, 'the heartbeat could not be written'),
  });

  async function removeRow(): Promise<void> {
    await reports.stop();
    await workers
      .remove(workerId)
      .catch((error: unknown) => logger.debug({ reason: errorLine(error) }, 'the heartbeat could not be removed'));
  }

  return {
    start() {
      unsubscribe ??= generator.onStateChange((state) => {
        const name = state.type === 'loading' ? state.phase : state.type;
        const isNew = name !== lastState;
        lastState = name;
        if (isNew || performance.now() - lastReportAt > minIntervalMs) reports.wake();
      });
      reports.start();
    },
    drain() {
      isDraining = true;
      reports.wake();
    },
    look() {
      const isNew = !isWatched();
      noteLook();
      if (isNew) reports.wake();
    },
    async stop() {
      unsubscribe?.();
      await (stopping ??= settleWithin(serviceStopLimitMs, removeRow()));
    },
  };
}

const workerStateOf: Readonly<Record<EngineState['type'], WorkerState>> = {
  loading: 'loading',
  restarting: 'loading',
  ready: 'ready',
  failed: 'failed',
  stopped: 'draining',
};

function noteOf({ state, model }: TextGenerator): string | null {
  if (state.type === 'loading') return loadPhases[state.phase];
  if (state.type === 'failed' || state.type === 'restarting') return errorLine(state.error);
  return model?.fallbackReason ?? null;
}
