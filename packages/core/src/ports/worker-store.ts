/** The port of the database for the reports of workers. */
import type { ModelIdentity } from '../job.ts';
import type { WorkerSpeed } from '../speed.ts';

export const workerStates = ['loading', 'ready', 'draining', 'failed'] as const;
export type WorkerState = (typeof workerStates)[number];

/** The public note of a worker that no hints reach. Other versions store and compare it, so its words stay. */
export const hintsLateNote = 'No hints reach it, so it looks for jobs every second.';

/** A text in a slot of a worker. */
export interface SlotState {
  readonly jobId: string;
  readonly ownerId: string;
  /** New tokens so far; 0 while the engine reads the prompt, or has not begun. */
  readonly tokens: number;
  /** The most new tokens; null until the engine has begun. */
  readonly limit: number | null;
}

/** The work of a worker at the moment of its report. */
export interface WorkerActivity {
  /** One entry for each slot; null: free. A text keeps its entry to its end. */
  readonly slots: readonly (SlotState | null)[];
  /** New tokens of all texts since the report before; null when that is too long ago. */
  readonly tokensPerSecond: number | null;
}

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
  /** Null while nobody looks, and from workers of a version that does not report it. */
  readonly activity: WorkerActivity | null;
}

export interface LiveWorker extends WorkerReport {
  /** The database's time of the answer. */
  readonly listedAt: Date;
}

export interface WorkerStore {
  /**
   * Inserts or replaces the worker's row. The heartbeat is the database's time.
   * @returns whether somebody has looked at the workers within `lookMs`
   */
  report(worker: WorkerReport): Promise<boolean>;
  /**
   * Notes that somebody looks at the workers. They need the wake-up `worker-look` to report at once.
   * @returns the live workers whose last look was not a moment ago
   */
  look(): Promise<readonly string[]>;
  /** Lists workers whose last report is at most `maxAgeMs` old, by id. */
  listLive(maxAgeMs: number): Promise<readonly LiveWorker[]>;
  /** Deletes the row of a worker that stops cleanly. */
  remove(id: string): Promise<void>;
}
