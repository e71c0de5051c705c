/**
 * The record of a run as plain JSON: requests and answers of clients, executions of workers, and the tables at the end.
 * Times are milliseconds since 1970 on one clock. It contains no prompts and no texts, only hashes of texts.
 */
import type { JobEventType, JobStatus, Outcome } from '@prosemill/core';

/** A request of a client. */
export type Operation =
  | {
      readonly kind: 'submit';
      readonly ownerId: string;
      /** The Idempotency-Key; null: none. */
      readonly key: string | null;
      /** The time that the client lets the service wait for the text; 0: none. */
      readonly waitMs: number;
    }
  | { readonly kind: 'read' | 'cancel'; readonly ownerId: string; readonly jobId: string }
  | { readonly kind: 'submit-batch'; readonly ownerId: string; readonly key: string | null }
  | { readonly kind: 'read-batch' | 'cancel-batch'; readonly ownerId: string; readonly batchId: string };

/** A job in an answer. Null: the answer does not tell. */
export interface JobReading {
  readonly id: string;
  readonly ownerId: string | null;
  readonly status: JobStatus;
  readonly version: number | null;
  readonly attempt: number | null;
  readonly textHash: string | null;
}

/** A batch in an answer. */
export interface BatchReading {
  readonly id: string;
  readonly hasEnded: boolean;
  /** The jobs of its lines. */
  readonly jobIds: readonly string[];
}

export type CallEnding =
  /** Null: the service answers that there is no such job. */
  | { readonly type: 'ok'; readonly job: JobReading | null }
  /** Null: the service answers that there is no such batch. */
  | { readonly type: 'ok-batch'; readonly batch: BatchReading | null }
  /** The service answers that it has done nothing. */
  | { readonly type: 'fail'; readonly reason: string }
  /** A time-out, a lost connection or a 5xx: the service may have done it. */
  | { readonly type: 'unknown'; readonly reason: string };

export interface JobSnapshot {
  readonly id: string;
  readonly ownerId: string;
  readonly batchId: string | null;
  /** The name of its line; `2/3` is the second of three. */
  readonly customId: string | null;
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

/** The limits of a run. */
export interface RunLimits {
  readonly leaseMs: number;
  /** The longest time from the creation of a job to its end; null: until the tables are read. */
  readonly finishWithinMs: number | null;
  /** Whether jobs may end as failed. False for a run in which no job should meet three faults. */
  readonly mayFail: boolean;
  /** The longest time from the end of a job to the answer to its waiting client; null: not checked. */
  readonly answerWithinMs: number | null;
  /** By the name of the gauge. `final` limits the last sample. */
  readonly gauges: Readonly<Record<string, { readonly max: number; readonly final?: number }>>;
  /** The largest difference between the clocks of logs and database. */
  readonly clockToleranceMs: number;
  /** The time for recovery after the last fault is healed. Throughput is compared after it. */
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
      /** The outcome that the database accepted; null: none, or unknown. */
      readonly outcome: Outcome['type'] | null;
    }
  /** The process of the worker has ended, and so have its executions. */
  | { readonly type: 'worker-gone'; readonly workerId: string }
  /** A lease in the database at this moment. */
  | { readonly type: 'lease'; readonly jobId: string; readonly attempt: number; readonly untilMs: number }
  /** A stream came to the end of its job. `textHash` is of the prompt and the completion that it sent. */
  | { readonly type: 'stream-text'; readonly jobId: string; readonly textHash: string; readonly isEmpty: boolean }
  /** A stream broke a promise. Null: it had shown no job. */
  | { readonly type: 'stream-breach'; readonly jobId: string | null; readonly reason: string }
  | { readonly type: 'fault-start' | 'fault-healed'; readonly fault: string }
  | { readonly type: 'gauge'; readonly name: string; readonly value: number }
  /** A window that ends at `atMs`. */
  | { readonly type: 'throughput'; readonly startedAtMs: number; readonly finishedJobs: number }
  | { readonly type: 'job-row'; readonly row: JobSnapshot }
  | { readonly type: 'record-row'; readonly row: { readonly jobId: string; readonly textHash: string } }
  | { readonly type: 'event-row'; readonly row: EventSnapshot }
  /** No more rows follow. */
  | { readonly type: 'tables-read' };

export type HistoryEntry = { readonly atMs: number } & HistoryEvent;

/** In the order of recording. */
export type History = readonly HistoryEntry[];

/** One entry a line. */
export const toJsonLines = (history: History): string => history.map((entry) => `${JSON.stringify(entry)}\n`).join('');

/** Reads the output of {@link toJsonLines}. */
export const fromJsonLines = (text: string): History =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HistoryEntry);
