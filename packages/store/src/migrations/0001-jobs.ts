/** Jobs, generation records, events, models and workers. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Dialect } from '../dialect.ts';
import { type ColumnTypes, columnTypes } from './column-types.ts';

const terminal = sql`status in ('succeeded', 'failed', 'canceled', 'expired')`;

export const createMigration0001 = (dialect: Dialect): Migration => ({
  async up(db: Kysely<unknown>) {
    await createJobs(db, columnTypes[dialect.name]);
    await createOthers(db, columnTypes[dialect.name], dialect);
    for (const statement of jobGuards[dialect.name]) await sql.raw(statement).execute(db);
  },
});

async function createJobs(db: Kysely<unknown>, { time, id, number }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('jobs')
    .addColumn('id', id, (column) => column.primaryKey())
    .addColumn('owner_id', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('class', 'integer', (column) => column.notNull())
    .addColumn('turn', 'bigint', (column) => column.notNull())
    .addColumn('prompt', 'text', (column) => column.notNull())
    .addColumn('parameters', 'text', (column) => column.notNull())
    .addColumn('seed', 'bigint', (column) => column.notNull())
    .addColumn('model_name', 'text')
    .addColumn('model_revision', 'text')
    .addColumn('model_engine', 'text')
    .addColumn('model_dtype', 'text')
    .addColumn('model_fingerprint', 'text')
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('released_count', 'integer', (column) => column.notNull())
    .addColumn('crash_count', 'integer', (column) => column.notNull())
    .addColumn('max_attempts', 'integer', (column) => column.notNull())
    .addColumn('dispatch_epoch', 'integer', (column) => column.notNull())
    .addColumn('available_at', time, (column) => column.notNull())
    .addColumn('deadline_at', time)
    .addColumn('lease_until', time)
    .addColumn('worker_id', 'text')
    .addColumn('cancel_requested_at', time)
    .addColumn('finish_reason', 'text')
    .addColumn('partial_text', 'text')
    .addColumn('error_code', 'text')
    .addColumn('error_message', 'text')
    .addColumn('prompt_tokens', 'integer')
    .addColumn('completion_tokens', 'integer')
    .addColumn('time_to_first_token_ms', number)
    .addColumn('generation_ms', number)
    .addColumn('created_at', time, (column) => column.notNull())
    .addColumn('started_at', time)
    .addColumn('finished_at', time)
    .addCheckConstraint('jobs_status', sql`status in ('queued', 'running') or ${terminal}`)
    .addCheckConstraint('jobs_lease_iff_running', sql`(status = 'running') = (lease_until is not null)`)
    .addCheckConstraint('jobs_worker_iff_running', sql`(status = 'running') = (worker_id is not null)`)
    .addCheckConstraint('jobs_finished_iff_terminal', sql`(${terminal}) = (finished_at is not null)`)
    .addCheckConstraint('jobs_class', sql`class in (0, 1, 2)`)
    .addCheckConstraint('jobs_counts', sql`released_count >= 0 and crash_count >= 0 and attempt >= released_count`)
    .execute();
  const indexes: readonly (readonly [string, ...string[]])[] = [
    ['jobs_claim_order', 'status', 'class', 'turn', 'id'],
    ['jobs_oldest', 'status', 'created_at', 'id'],
    ['jobs_owner_list', 'owner_id', 'created_at', 'id'],
    ['jobs_owner_turn', 'owner_id', 'class', 'turn'],
    ['jobs_class_turn', 'class', 'turn'],
    ['jobs_lease', 'status', 'lease_until'],
    ['jobs_deadline', 'status', 'deadline_at'],
  ];
  for (const [name, ...columns] of indexes) await db.schema.createIndex(name).on('jobs').columns(columns).execute();
}

async function createOthers(db: Kysely<unknown>, { time, id, number }: ColumnTypes, dialect: Dialect): Promise<void> {
  await db.schema
    .createTable('generation_records')
    .addColumn('id', dialect.name === 'postgres' ? 'bigint' : 'integer', (column) =>
      dialect.name === 'postgres'
        ? column.generatedAlwaysAsIdentity().primaryKey()
        : column.primaryKey().autoIncrement(),
    )
    .addColumn('job_id', id, (column) => column.notNull().unique().references('jobs.id'))
    .addColumn('owner_id', 'text', (column) => column.notNull())
    .addColumn('prompt', 'text', (column) => column.notNull())
    .addColumn('generated_text', 'text', (column) => column.notNull())
    .addColumn('model_name', 'text', (column) => column.notNull())
    .addColumn('created_at', time, (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('generation_records_owner_list')
    .on('generation_records')
    .columns(['owner_id', 'created_at', 'id'])
    .execute();
  await db.schema
    .createTable('job_events')
    .addColumn('job_id', id, (column) => column.notNull().references('jobs.id'))
    .addColumn('seq', 'integer', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('at', time, (column) => column.notNull())
    .addColumn('data', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('job_events_key', ['job_id', 'seq'])
    .execute();
  await db.schema
    .createTable('models')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('revision', 'text', (column) => column.notNull())
    .addColumn('context_length', 'integer', (column) => column.notNull())
    .addColumn('tokenizer', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('models_key', ['name', 'revision'])
    .execute();
  await db.schema
    .createTable('workers')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('heartbeat_at', time, (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('load_progress', number)
    .addColumn('note', 'text')
    .addColumn('model', 'text')
    .addColumn('slots', 'integer', (column) => column.notNull())
    .addColumn('busy', 'integer', (column) => column.notNull())
    .execute();
}

/** Fencing tokens never decrease, and a terminal row never changes again. */
const jobGuards: Readonly<Record<Dialect['name'], readonly string[]>> = {
  postgres: [
    `create function guard_jobs() returns trigger language plpgsql as $$
      begin
        if old.finished_at is not null then raise exception 'a terminal job does not change'; end if;
        if new.attempt < old.attempt or new.dispatch_epoch < old.dispatch_epoch or new.version < old.version then
          raise exception 'attempt, dispatch_epoch and version do not fall';
        end if;
        return new;
      end $$`,
    'create trigger guard_jobs before update on jobs for each row execute function guard_jobs()',
  ],
  sqlite: [
    `create trigger guard_terminal_jobs before update on jobs when old.finished_at is not null
      begin select raise(abort, 'a terminal job does not change'); end`,
    `create trigger guard_job_tokens before update on jobs
      when new.attempt < old.attempt or new.dispatch_epoch < old.dispatch_epoch or new.version < old.version
      begin select raise(abort, 'attempt, dispatch_epoch and version do not fall'); end`,
  ],
};
