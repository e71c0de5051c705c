/** Reports the state of this worker to the database: at once when it changes, else at each heartbeat. */
import {
  errorLine,
  type EngineState,
  every,
  heartbeatMs,
  hintsLateNote,
  loadPhases,
  type Logger,
  type Service,
  serviceStopLimitMs,
  settleWithin,
  type TextGenerator,
  type WorkerReport,
  type WorkerState,
  type WorkerStore,
} from '@prosemill/core';
import type { RunningJobs } from './running-jobs.ts';
import type { SpeedMeter } from './speed-meter.ts';

export interface HeartbeatOptions {
  readonly workers: WorkerStore;
  readonly generator: TextGenerator;
  readonly running: RunningJobs;
  readonly speed: Pick<SpeedMeter, 'current'>;
  /** The reasons why hints are late now; empty while hints are on time. */
  readonly transportProblems: () => readonly string[];
  readonly workerId: string;
  readonly logger: Logger;
}

export interface Heartbeat extends Service {
  /** Reports the worker as draining from now on. */
  drain(): void;
  /** Also deletes the worker's row. */
  stop(): Promise<void>;
}

/** The least time between two progress reports within one phase of a load. */
const minIntervalMs = 500;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { workers, generator, running, speed, transportProblems, workerId, logger } = options;
  let isDraining = false;
  let lastReportAt = Number.NEGATIVE_INFINITY;
  let lastState: string | null = null;
  let unsubscribe: (() => void) | null = null;
  let stopping: Promise<void> | null = null;

  const report = (): WorkerReport => ({
    id: workerId,
    state: isDraining ? 'draining' : workerStateOf[generator.state.type],
    loadProgress: generator.state.type === 'loading' ? generator.state.progress : null,
    note: generator.state.type === 'ready' && transportProblems().length > 0 ? hintsLateNote : noteOf(generator),
    model: generator.model?.identity ?? null,
    slots: generator.slots,
    busy: running.count,
    speed: speed.current(),
  });

  // One report at a time, so that an old one never overwrites a new one.
  const reports = every({
    intervalMs: heartbeatMs,
    async step() {
      lastReportAt = performance.now();
      await workers.report(report());
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
