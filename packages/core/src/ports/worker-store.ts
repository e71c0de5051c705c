/** The port of the database for the reports of workers. */
import type { ModelIdentity } from '../job.ts';
import type { WorkerSpeed } from '../speed.ts';

export const workerStates = ['loading', 'ready', 'draining', 'failed'] as const;
export type WorkerState = (typeof workerStates)[number];

/** The public note of a worker that no hints reach. Other versions store and compare it, so its words stay. */
export const hintsLateNote = 'No hints reach it, so it looks for jobs every second.';

export interface WorkerReport {
  readonly id: string;
  readonly state: WorkerState;
  /** Progress of the load's phase, 0..1; null when nothing loads. */
  readonly loadProgress: number | null;
  /** A phase of `loadPhases`, the reason of a failure or of the shipped model, {@link hintsLateNote}, or null. */
  readonly note: string | null;
  /** Null until the model is known. */
  readonly model: ModelIdentity | null;
  /** Generations that the worker can run at once. */
  readonly slots: number;
  readonly busy: number;
  /** Null until it is measured, and from workers of a version that does not measure it. */
  readonly speed: WorkerSpeed | null;
}

export interface LiveWorker extends WorkerReport {
  /** The database's time of the answer. */
  readonly listedAt: Date;
}

export interface WorkerStore {
  /** Inserts or replaces the worker's row. The heartbeat is the database's time. */
  report(worker: WorkerReport): Promise<void>;
  /** Lists workers whose last report is at most `maxAgeMs` old, by id. */
  listLive(maxAgeMs: number): Promise<readonly LiveWorker[]>;
  /** Deletes the row of a worker that stops cleanly. */
  remove(id: string): Promise<void>;
}
