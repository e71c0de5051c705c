/** Reads the tables of Postgres or SQLite as entries of a history. */
import type { JobEventType, JobStatus } from '@prosemill/core';
import type { ExecuteSql } from '@prosemill/testkit';
import type { HistoryEvent } from './history.ts';
import { hashText } from './hash-text.ts';

type Row = Readonly<Record<string, unknown>>;

export async function readTables(execute: ExecuteSql): Promise<readonly HistoryEvent[]> {
  const jobs = await execute('select * from jobs');
  const records = await execute('select job_id, prompt, completion from generation_records');
  const events = await execute('select * from job_events order by job_id, seq');
  return [...jobs.map(toJob), ...records.map(toRecord), ...events.map(toEvent), { type: 'tables-read' }];
}

export async function readLeases(execute: ExecuteSql): Promise<readonly HistoryEvent[]> {
  const rows = await execute(`select id, attempt, lease_until from jobs where status = 'running'`);
  return rows.map((row) => ({
    type: 'lease',
    jobId: String(row['id']),
    attempt: Number(row['attempt']),
    untilMs: toMs(row['lease_until']),
  }));
}

function toJob(row: Row): HistoryEvent {
  const finishedAt = row['finished_at'];
  return {
    type: 'job-row',
    row: {
      id: String(row['id']),
      ownerId: String(row['owner_id']),
      // Tables of older versions have no batches.
      batchId: (row['batch_id'] as string | null | undefined) ?? null,
      customId: (row['custom_id'] as string | null | undefined) ?? null,
      status: row['status'] as JobStatus,
      version: Number(row['version']),
      attempt: Number(row['attempt']),
      releasedCount: Number(row['released_count']),
      crashCount: Number(row['crash_count']),
      maxAttempts: Number(row['max_attempts']),
      dispatchEpoch: Number(row['dispatch_epoch']),
      createdAtMs: toMs(row['created_at']),
      finishedAtMs: finishedAt === null ? null : toMs(finishedAt),
      partialTextHash: row['partial_completion'] === null ? null : hashText(textOf(row, row['partial_completion'])),
    },
  };
}

const toRecord = (row: Row): HistoryEvent => ({
  type: 'record-row',
  row: { jobId: String(row['job_id']), textHash: hashText(textOf(row, row['completion'])) },
});

/** The text as clients see it. */
const textOf = (row: Row, completion: unknown): string => `${String(row['prompt'])}${String(completion)}`;

function toEvent(row: Row): HistoryEvent {
  const { attempt, actor } = JSON.parse(String(row['data'])) as { attempt: number; actor: string };
  return {
    type: 'event-row',
    row: {
      jobId: String(row['job_id']),
      seq: Number(row['seq']),
      event: row['type'] as JobEventType,
      eventAtMs: toMs(row['at']),
      attempt,
      actor,
    },
  };
}

/** A Date from Postgres, milliseconds from SQLite, text from a file of either. */
const toMs = (time: unknown): number =>
  time instanceof Date ? time.getTime() : typeof time === 'number' ? time : Date.parse(String(time));
