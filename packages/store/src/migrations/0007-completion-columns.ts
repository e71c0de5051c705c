/** Columns for completions, which are texts without their prompts. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';

/**
 * On Postgres, processes of older versions go on writing and reading the old columns, of texts with their prompts.
 * Triggers fill the columns that a writer leaves out, so that every version finds every text. The old columns and the
 * triggers can go when no version before this one may run. An SQLite file has one process: there the columns are
 * renamed.
 */
export const createMigration0007 = ({ name }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    for (const statement of statements[name]) await sql.raw(statement).execute(db);
  },
});

/** Few rows have a partial text, and an index finds their statuses. */
const withPartialText = `status in ('canceled', 'failed') and partial_text is not null`;

const statements: Readonly<Record<Dialect['name'], readonly string[]>> = {
  postgres: [
    // All statements about a table queue behind one that waits for its exclusive lock, as it does for a backup.
    `set local lock_timeout = '2s'`,
    // The order in which every transaction locks the two tables.
    `alter table jobs add column if not exists partial_completion text`,
    `alter table generation_records add column if not exists completion text`,
    `create or replace function fill_partial_completion() returns trigger language plpgsql as $$
      begin
        new.partial_completion := coalesce(new.partial_completion, substr(new.partial_text, length(new.prompt) + 1));
        new.partial_text := new.prompt || new.partial_completion;
        return new;
      end $$`,
    `create or replace trigger fill_partial_completion before update of partial_text, partial_completion on jobs
      for each row execute function fill_partial_completion()`,
    `create or replace function fill_completion() returns trigger language plpgsql as $$
      begin
        new.completion := coalesce(new.completion, substr(new.generated_text, length(new.prompt) + 1));
        new.generated_text := new.prompt || new.completion;
        return new;
      end $$`,
    `create or replace trigger fill_completion before insert on generation_records
      for each row execute function fill_completion()`,
    // The guard refuses every change of an ended job.
    `alter table jobs disable trigger guard_jobs`,
    `update jobs set partial_completion = substr(partial_text, length(prompt) + 1) where ${withPartialText}`,
    `alter table jobs enable trigger guard_jobs`,
  ],
  sqlite: [
    `drop trigger guard_terminal_jobs`,
    `update jobs set partial_text = substr(partial_text, length(prompt) + 1) where ${withPartialText}`,
    `create trigger guard_terminal_jobs before update on jobs when old.finished_at is not null
      begin select raise(abort, 'a terminal job does not change'); end`,
    `alter table jobs rename column partial_text to partial_completion`,
    `alter table generation_records rename column generated_text to completion`,
  ],
};
