/**
 * What happened in a run, as plain JSON: what clients asked and heard, what workers did, and the tables at the end. Times are
 * milliseconds since 1970 on one clock. No prompts and no texts: a text is its hash.
 */
import type { JobEventType, JobStatus, Outcome } from '@prosemill/core';

/** What one client asks of the service. */
export type Operation =
  | {
      readonly kind: 'submit';
      readonly ownerId: string;
      /** Its Idempotency-Key; null: none. */
      readonly key: string | null;
      /** How long the client lets the service wait for the text; 0: not at all. */
      readonly waitMs: number;
    }
  | { readonly kind: 'read' | 'cancel'; readonly ownerId: string; readonly jobId: string };

/** A job as an answer shows it. Null: the answer does not say. */
export interface JobReading {
  readonly id: string;
  readonly ownerId: string | null;
  readonly status: JobStatus;
  readonly version: number | null;
  readonly attempt: number | null;
  readonly textHash: string | null;
}

export type CallEnding =
  /** Null: the service says that there is no such job. */
  | { readonly type: 'ok'; readonly job: JobReading | null }
  /** Refused: the service says that nothing was done. */
  | { readonly type: 'fail'; readonly reason: string }
  /** A timeout, a lost connection, a 5xx: it may have been done. */
  | { readonly type: 'unknown'; readonly reason: string };

export interface JobSnapshot {
  readonly id: string;
  readonly ownerId: string;
  readonly status: JobStatus;
  readonly version: number;
  readonly attempt: number;
  readonly releasedCount: number;
  readonly crashCount: number;
  readonly maxAttempts: number;
  readonly dispatchEpoch: number;
  readonly createdAtMs: number;
  readonly finishedAtMs: number | null;
  readonly partialTextHash: string | null;
}

export interface EventSnapshot {
  readonly jobId: string;
  /** The job's version after the event. */
  readonly seq: number;
  readonly event: JobEventType;
  readonly eventAtMs: number;
  readonly attempt: number;
  readonly actor: string;
}

/** What a run may cost. */
export interface RunLimits {
  readonly leaseMs: number;
  /** From a job's creation to its end; null: by the time the tables are read. */
  readonly finishWithinMs: number | null;
  /** Whether a job may end as failed: a run whose faults no job should feel three times says no. */
  readonly mayFail: boolean;
  /** From a job's end to the answer of who waits for it; null: not checked. */
  readonly answerWithinMs: number | null;
  /** By the name of a gauge. `final`: what its last sample may be at most. */
  readonly gauges: Readonly<Record<string, { readonly max: number; readonly final?: number }>>;
  /** How far the clocks of logs and database may be apart. */
  readonly clockToleranceMs: number;
  /** After the last fault is healed; then throughput is judged. */
  readonly recoverWithinMs: number;
}

export type HistoryEvent =
  | { readonly type: 'run-start'; readonly limits: RunLimits }
  | { readonly type: 'invoke'; readonly callId: number; readonly client: string; readonly operation: Operation }
  | ({ readonly callId: number } & CallEnding)
  | { readonly type: 'execution-start'; readonly jobId: string; readonly attempt: number; readonly workerId: string }
  | {
      readonly type: 'execution-end';
      readonly jobId: string;
      readonly attempt: number;
      readonly workerId: string;
      /** What the database accepted; null: nothing, or the worker does not say. */
      readonly outcome: Outcome['type'] | null;
    }
  /** The worker's process is no more; so are its executions. */
  | { readonly type: 'worker-gone'; readonly workerId: string }
  /** A lease as the database has it at this moment. */
  | { readonly type: 'lease'; readonly jobId: string; readonly attempt: number; readonly untilMs: number }
  | { readonly type: 'fault-start' | 'fault-healed'; readonly fault: string }
  | { readonly type: 'gauge'; readonly name: string; readonly value: number }
  /** Ends at `atMs`. */
  | { readonly type: 'throughput'; readonly startedAtMs: number; readonly finishedJobs: number }
  | { readonly type: 'job-row'; readonly row: JobSnapshot }
  | { readonly type: 'record-row'; readonly row: { readonly jobId: string; readonly textHash: string } }
  | { readonly type: 'event-row'; readonly row: EventSnapshot }
  /** The rows before this entry are all there are. */
  | { readonly type: 'tables-read' };

export type HistoryEntry = { readonly atMs: number } & HistoryEvent;

/** In the order in which it was recorded. */
export type History = readonly HistoryEntry[];

/** One entry a line. */
export const toJsonLines = (history: History): string => history.map((entry) => `${JSON.stringify(entry)}\n`).join('');

/** The other way round. */
export const fromJsonLines = (text: string): History =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HistoryEntry);
