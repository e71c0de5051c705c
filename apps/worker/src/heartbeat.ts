/** Tells the database how this worker is: at once when its state changes, else every few seconds. */
import {
  assertNever,
  errorLine,
  type EngineState,
  heartbeatMs,
  hintsLateNote,
  loadPhases,
  type Logger,
  type TextGenerator,
  type WorkerReport,
  type WorkerState,
  type WorkerStore,
} from '@prosemill/core';
import type { RunningJobs } from './running-jobs.ts';

export interface HeartbeatOptions {
  readonly workers: WorkerStore;
  readonly generator: TextGenerator;
  readonly running: RunningJobs;
  /** Why hints are late at the moment, if they are. */
  readonly transportProblems: () => readonly string[];
  readonly workerId: string;
  readonly logger: Logger;
}

export interface Heartbeat {
  start(): void;
  /** From now on the worker counts as draining. */
  drain(): void;
  /** Takes the worker's row away. Idempotent. */
  stop(): Promise<void>;
}

/** The shortest time between two reports of progress within one phase of a load. */
const minIntervalMs = 500;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { workers, generator, running, transportProblems, workerId, logger } = options;
  let isDraining = false;
  let isStopped = false;
  let lastReportAt = Number.NEGATIVE_INFINITY;
  let lastState: string | null = null;
  /** Something may have changed since the last report was made. */
  let isOutdated = false;
  let isSending = false;
  let sending: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: (() => void) | null = null;

  const report = (): WorkerReport => ({
    id: workerId,
    state: isDraining ? 'draining' : workerStateOf(generator.state),
    loadProgress: generator.state.type === 'loading' ? generator.state.progress : null,
    note: generator.state.type === 'ready' && transportProblems().length > 0 ? hintsLateNote : noteOf(generator),
    model: generator.model?.identity ?? null,
    slots: generator.slots,
    busy: running.count,
  });

  function send(): void {
    lastReportAt = performance.now();
    isOutdated = true;
    if (!isSending) sending = sendReports();
  }

  /** One at a time, so that an old report never overwrites a new one; what comes meanwhile is one report, however long that takes. */
  async function sendReports(): Promise<void> {
    isSending = true;
    while (isOutdated && !isStopped) {
      isOutdated = false;
      await workers
        .report(report())
        .catch((error: unknown) => logger.warn({ reason: errorLine(error) }, 'the heartbeat could not be written'));
    }
    isSending = false;
  }

  return {
    start() {
      timer = setInterval(send, heartbeatMs);
      unsubscribe = generator.onStateChange((state) => {
        const name = state.type === 'loading' ? state.phase : state.type;
        const isNew = name !== lastState;
        lastState = name;
        if (isNew || performance.now() - lastReportAt > minIntervalMs) send();
      });
      send();
    },
    drain() {
      isDraining = true;
      send();
    },
    async stop() {
      if (isStopped) return;
      clearInterval(timer);
      unsubscribe?.();
      isStopped = true;
      await sending;
      await workers
        .remove(workerId)
        .catch((error: unknown) => logger.debug({ reason: errorLine(error) }, 'the heartbeat could not be removed'));
    },
  };
}

function workerStateOf({ type }: EngineState): WorkerState {
  switch (type) {
    case 'loading':
    case 'restarting':
      return 'loading';
    case 'ready':
      return 'ready';
    case 'failed':
      return 'failed';
    case 'stopped':
      return 'draining';
    default:
      return assertNever(type);
  }
}

function noteOf({ state, model }: TextGenerator): string | null {
  if (state.type === 'loading') return loadPhases[state.phase];
  if (state.type === 'failed' || state.type === 'restarting') return errorLine(state.error);
  return model?.fallbackReason ?? null;
}
