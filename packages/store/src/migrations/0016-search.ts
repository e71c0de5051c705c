/** The index of jobs by their words, and the queue of jobs that are to be indexed. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';

/**
 * Triggers fill the queue, so that jobs of every version are indexed. The terms are hashes, so samples of them tell no
 * text. GIN keeps new rows in a list that each search reads: it is kept short.
 */
export const createMigration0016 = ({ name, rowLocks }: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    // All statements about a table queue behind one that waits for its lock, as it does for a backup.
    if (rowLocks) await sql`set local lock_timeout = '2s'`.execute(db);
    for (const statement of statements[name]) await sql.raw(statement).execute(db);
  },
});

const statements: Readonly<Record<Dialect['name'], readonly string[]>> = {
  postgres: [
    `create table if not exists search_queue (id bigint generated always as identity primary key, job_id uuid not null)`,
    `create table if not exists job_search (
      id bigint generated always as identity, job_id uuid primary key, version integer not null, terms tsvector not null
    )`,
    `create index if not exists job_search_terms on job_search using gin (terms) with (gin_pending_list_limit = 512)`,
    `create or replace function queue_search() returns trigger language plpgsql as $$
      begin
        insert into search_queue (job_id) values (new.id);
        return null;
      end $$`,
    `create or replace trigger queue_search_new after insert on jobs for each row
      when (new.verify_of is null) execute function queue_search()`,
    `create or replace trigger queue_search_end after update on jobs for each row
      when (old.finished_at is null and new.finished_at is not null and new.verify_of is null)
      execute function queue_search()`,
  ],
  sqlite: [
    `create table search_queue (id integer primary key, job_id text not null)`,
    `create table job_search (
      id integer primary key, job_id text not null unique, version integer not null, terms text not null
    )`,
    // The tokenizer splits at spaces: terms are digits and small letters.
    `create virtual table job_search_index using fts5(
      terms, content = 'job_search', content_rowid = 'id', tokenize = 'ascii'
    )`,
    `insert into job_search_index (job_search_index, rank) values ('secure-delete', 1)`,
    `create trigger job_search_insert after insert on job_search begin
      insert into job_search_index (rowid, terms) values (new.id, new.terms);
    end`,
    `create trigger job_search_update after update on job_search begin
      insert into job_search_index (job_search_index, rowid, terms) values ('delete', old.id, old.terms);
      insert into job_search_index (rowid, terms) values (new.id, new.terms);
    end`,
    `create trigger queue_search_new after insert on jobs when new.verify_of is null
      begin insert into search_queue (job_id) values (new.id); end`,
    `create trigger queue_search_end after update on jobs
      when old.finished_at is null and new.finished_at is not null and new.verify_of is null
      begin insert into search_queue (job_id) values (new.id); end`,
  ],
};
