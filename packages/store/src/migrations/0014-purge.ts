/** Purged jobs: rows without content, which no list finds. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { columnTypes } from './column-types.ts';
import { forgetSamples } from './forget-samples.ts';
import { ifMissing } from './if-missing.ts';

/**
 * The new columns may be null: processes of older versions go on inserting. `prompt` and `parameters` of a purged row
 * are empty and not null, because these processes read them. The indexes of lists leave purged rows out, since a long
 * history would be read to its end for the few rows that are kept. Older versions need the indexes of 0001 and 0011,
 * which can go on Postgres when no version before this one may run. With too many rows for the time limit of a
 * migration, the operator may have built the new ones before, concurrently.
 */
export const createMigration0014 = ({ name, rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    // All statements about a table queue behind one that waits for its exclusive lock, as it does for a backup.
    if (rowLocks) await sql`set local lock_timeout = '2s'`.execute(db);
    const jobs = db.schema.alterTable('jobs');
    await jobs.addColumn('is_stored', 'smallint', ifMissing({ rowLocks })).execute();
    await jobs.addColumn('purged_at', columnTypes[name].time, ifMissing({ rowLocks })).execute();
    for (const statement of [...guards[name], ...indexes]) await sql.raw(statement).execute(db);
    if (!rowLocks) return;
    await forgetSamples(db, 'jobs', texts);
    await sql`create trigger fill_partial_completion before update of partial_text, partial_completion on jobs
      for each row execute function fill_partial_completion()`.execute(db);
  },
});

const texts = ['prompt', 'parameters', 'metadata', 'partial_completion', 'partial_text', 'error_message'];

const indexes = [
  `create index if not exists jobs_owner_kept_list on jobs (owner_id, created_at, id) where purged_at is null`,
  `create index if not exists jobs_owner_status_kept_list on jobs (owner_id, status, created_at, id)
    where purged_at is null`,
  `create index if not exists jobs_finished_kept on jobs (finished_at)
    where finished_at is not null and purged_at is null`,
  `create index if not exists jobs_finished_unstored on jobs (finished_at)
    where finished_at is not null and purged_at is null and is_stored = 0`,
  `create index if not exists jobs_verifications on jobs (verify_of) where verify_of is not null`,
];

/** An ended row changes once more at most, to be purged. */
const isPurge = `old.purged_at is null and new.purged_at is not null
  and new.status = old.status and new.finished_at = old.finished_at
  and new.prompt = '' and new.parameters = '{}'
  and new.metadata is null and new.partial_completion is null and new.error_message is null`;

const guards: Readonly<Record<Dialect['name'], readonly string[]>> = {
  postgres: [
    `create or replace function guard_jobs() returns trigger language plpgsql as $$
      begin
        if old.finished_at is not null and not (${isPurge}) then
          raise exception 'a terminal job does not change, except to be purged';
        end if;
        if new.attempt < old.attempt or new.dispatch_epoch < old.dispatch_epoch or new.version < old.version then
          raise exception 'attempt, dispatch_epoch and version do not fall';
        end if;
        return new;
      end $$`,
    // The column of older versions would bring the text back.
    // The type of a column cannot be set while a trigger names the column.
    `drop trigger if exists fill_partial_completion on jobs`,
    `create or replace function fill_partial_completion() returns trigger language plpgsql as $$
      begin
        if new.purged_at is not null then
          new.partial_text := null;
          return new;
        end if;
        new.partial_completion := coalesce(new.partial_completion, substr(new.partial_text, length(new.prompt) + 1));
        new.partial_text := new.prompt || new.partial_completion;
        return new;
      end $$`,
  ],
  sqlite: [
    `drop trigger guard_terminal_jobs`,
    `create trigger guard_terminal_jobs before update on jobs when old.finished_at is not null and not (${isPurge})
      begin select raise(abort, 'a terminal job does not change, except to be purged'); end`,
    `drop index jobs_owner_list`,
    `drop index jobs_owner_status_list`,
  ],
};
