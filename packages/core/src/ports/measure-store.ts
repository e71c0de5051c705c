/**
 * The port of the database for measures of the whole service over the last minutes. All but the tallies are taken from
 * the rows of the jobs of all owners, so nothing is written for them, and every process finds the same.
 */
import type { EndedStatus, PriorityClass } from '../job.ts';

export interface JobCounts {
  /** The database's time of the answer. */
  readonly now: Date;
  readonly accepted: number;
  readonly ended: Readonly<Record<EndedStatus, number>>;
}

/**
 * - `queue`: from the submit to the latest claim.
 * - `firstToken`: from the start in the engine to the first token.
 * - `total`: from the submit to the end.
 */
export const measuredTimes = ['queue', 'firstToken', 'total'] as const;
export type MeasuredTime = (typeof measuredTimes)[number];

/** A bucket of a histogram of times. */
export interface TimeCount {
  /** 0: the window that ends now. 1: the window before it. */
  readonly window: number;
  readonly time: MeasuredTime;
  /** See `bucketsPerE`. */
  readonly bucket: number;
  readonly count: number;
}

/**
 * Levels over time.
 * - The classes: jobs that wait, by class.
 * - `running`: jobs that run.
 * - `tokens`: new tokens a second. The tokens of a text are spread evenly over the time from its first to its last one.
 */
export type LevelName = PriorityClass | 'running' | 'tokens';

/** The changes of a level in one second, added up. */
export interface LevelChange {
  readonly level: LevelName;
  /** From the beginning of the span. */
  readonly second: number;
  readonly change: number;
  /** The same, each change times the share of the second that was left after it. */
  readonly weightedChange: number;
}

/** Jobs that were accepted, or that ended with a status, in one second. */
export interface SecondCount {
  readonly type: 'accepted' | EndedStatus;
  readonly second: number;
  readonly count: number;
}

export interface JobTrace {
  /** The database's time at the end of the span. */
  readonly now: Date;
  /** All levels are 0 before the first change. */
  readonly changes: readonly LevelChange[];
  readonly counts: readonly SecondCount[];
}

export interface TraceOptions {
  /** The length of the span, which ends now. */
  readonly seconds: number;
  /** The assumed rate of each running text, whose tokens are not in its row yet. */
  readonly tokensPerSecond: number;
}

/**
 * Facts that no row of a job tells.
 * - `refused`: a submit that found no room in the queue.
 * - `estimate-error`: the error of an estimate in thousandths of the true time, in the buckets of a histogram.
 */
export const tallyNames = ['refused', 'estimate-error'] as const;
export type TallyName = (typeof tallyNames)[number];

export interface Tally {
  readonly name: TallyName;
  /** 0 where there is one only. */
  readonly bucket: number;
  readonly count: number;
}

/** Every method is one statement. */
export interface MeasureStore {
  /** Counts the jobs that were accepted, and those that ended, in the last `ms`. */
  countJobs(ms: number): Promise<JobCounts>;
  /** Counts the times of jobs that succeeded in the last `windows * windowMs`, by window and bucket. */
  countTimes(options: { readonly windows: number; readonly windowMs: number }): Promise<readonly TimeCount[]>;
  /** Traces the jobs of a span back. A job counts as if its last claim had been its only one. */
  trace(options: TraceOptions): Promise<JobTrace>;
  /** Adds to the tallies, which are kept for an hour. */
  addTallies(tallies: readonly Tally[]): Promise<void>;
  /** Sums the tallies of the last `ms`, in periods of ten seconds, by name and bucket. */
  sumTallies(ms: number): Promise<readonly Tally[]>;
}
