/** Rows read past the store, and the invariants that hold in them at any moment. */
import type { JobStatus } from '@prosemill/core';
import type { StoreSession } from './session.ts';

/** A job's row with its events and records. Flags are 0 or 1. */
export interface JobSnapshot {
  readonly id: string;
  readonly status: JobStatus;
  readonly version: number;
  readonly attempt: number;
  readonly released_count: number;
  readonly crash_count: number;
  readonly max_attempts: number;
  readonly dispatch_epoch: number;
  readonly finish_reason: string | null;
  readonly error_code: string | null;
  readonly has_lease: number;
  readonly finished_at: unknown;
  readonly is_watched: number;
  /** `1:job-queued 2:job-claimed …` */
  readonly events: string;
  readonly records: number;
  /** Pieces of its text. */
  readonly texts: number;
}

/** All jobs by id. */
export const readSnapshots = async (session: Pick<StoreSession, 'execute'>): Promise<readonly JobSnapshot[]> =>
  (await session.execute(`
    select id, status, version, attempt, released_count, crash_count, max_attempts, dispatch_epoch, finish_reason, error_code,
      case when lease_until is null then 0 else 1 end as has_lease, finished_at,
      case when watched_at is null then 0 else 1 end as is_watched,
      (select string_agg(cast(seq as text) || ':' || type, ' ' order by seq) from job_events where job_id = jobs.id) as events,
      cast((select count(*) from generation_records where job_id = jobs.id) as integer) as records,
      cast((select count(*) from job_text where job_id = jobs.id) as integer) as texts
    from jobs order by id`)) as unknown as readonly JobSnapshot[];

/** Deletes all jobs. */
export async function clearJobs(session: Pick<StoreSession, 'execute'>): Promise<void> {
  for (const table of [
    'webhook_attempts',
    'webhook_deliveries',
    'job_text',
    'job_events',
    'generation_records',
    'jobs',
  ])
    await session.execute(`delete from ${table}`);
}

/** The status after each event, by the status before it. */
const arrows: Readonly<Partial<Record<string, Readonly<Record<string, JobStatus>>>>> = {
  none: { 'job-queued': 'queued' },
  queued: { 'job-claimed': 'running', 'job-canceled': 'canceled', 'job-expired': 'expired' },
  running: {
    'job-succeeded': 'succeeded',
    'job-failed': 'failed',
    'job-canceled': 'canceled',
    'job-cancel-requested': 'running',
    'job-retried': 'queued',
    'job-released': 'queued',
    'job-rescued': 'queued',
    'job-crashed': 'queued',
  },
};

const maxCrashes = 3;

/**
 * @param before  The same row at an earlier time.
 * @returns names of the invariants that the row breaks
 */
export function findBreaches(row: JobSnapshot, before?: JobSnapshot): readonly string[] {
  const isTerminal = row.status !== 'queued' && row.status !== 'running';
  const events = row.events.split(' ').map((event) => event.split(':')[1] ?? '');
  const countOf = (type: string): number => events.filter((event) => event === type).length;
  const rules: Readonly<Record<string, boolean>> = {
    'running = has a lease': (row.status === 'running') === (row.has_lease === 1),
    'terminal = has an end': isTerminal === (row.finished_at !== null),
    'one event for each version': row.events === events.map((event, index) => `${index + 1}:${event}`).join(' '),
    'the version counts the events': row.version === events.length,
    'events walk the arrows to the status': statusAfter(events) === row.status,
    'the attempt counts the claims': row.attempt === countOf('job-claimed'),
    'a record = succeeded': row.records === (row.status === 'succeeded' ? 1 : 0),
    'crashes have a limit': row.crash_count <= maxCrashes,
    'attempts have a limit': row.attempt - row.released_count <= row.max_attempts,
    ...(before === undefined ? {} : rulesOfChange(row, before)),
  };
  return Object.keys(rules).filter((rule) => rules[rule] === false);
}

const rulesOfChange = (row: JobSnapshot, before: JobSnapshot): Readonly<Record<string, boolean>> => ({
  'the attempt never falls': row.attempt >= before.attempt,
  'the epoch never falls': row.dispatch_epoch >= before.dispatch_epoch,
  'the version never falls': row.version >= before.version,
  'events are kept': row.events.startsWith(before.events),
  'a terminal row never changes': before.finished_at === null || JSON.stringify(row) === JSON.stringify(before),
});

const statusAfter = (events: readonly string[]): string =>
  events.reduce((status, event) => arrows[status]?.[event] ?? `${event} after ${status}`, 'none');
