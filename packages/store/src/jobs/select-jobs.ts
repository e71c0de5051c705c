/** The parts that selects of jobs share. */
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely';
import type { Dialect } from '../dialect.ts';
import type { Tables } from '../schema.ts';

/** Selects rows of jobs with their generation records. */
export const selectJobs = (db: Kysely<Tables>) =>
  db
    .selectFrom('jobs')
    .leftJoin('generation_records', 'generation_records.job_id', 'jobs.id')
    .selectAll('jobs')
    .select(['generation_records.id as generation_id', 'generation_records.completion']);

/** Locks the selected rows until the transaction ends, if the database has row locks. */
export function lockRows<Output>(
  query: SelectQueryBuilder<Tables, 'jobs', Output>,
  { dialect, skipLocked }: { readonly dialect: Dialect; readonly skipLocked: boolean },
): SelectQueryBuilder<Tables, 'jobs', Output> {
  if (!dialect.rowLocks) return query;
  return skipLocked ? query.forUpdate().skipLocked() : query.forUpdate();
}

/** Before the deadline, and before the start timeout or claimed once. */
export const isInTime = ({ now }: Dialect) =>
  sql<boolean>`(deadline_at is null or deadline_at > ${now}) and (start_deadline_at is null or start_deadline_at > ${now} or attempt > 0)`;

/**
 * Queued, due, in time, with attempts left, and for a worker with this model fingerprint (null: for every worker); no
 * row while the queue is paused. Not `= fingerprint`: SQLite would prepare the statement in each run again, since it
 * compares the parameter of one `or` with those of others.
 */
export const isClaimable = (dialect: Dialect, fingerprint: string | null) =>
  sql<boolean>`status = 'queued' and available_at <= ${dialect.now} and ${isInTime(dialect)}
    and attempt - released_count < max_attempts and (required_fingerprint is null or required_fingerprint in (${fingerprint}))
    and not exists (select 1 from queue_pause)`;
