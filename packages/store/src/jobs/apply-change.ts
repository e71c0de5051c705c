/** The one way to change a job's row, besides its claim. */
import { type Change, type EndedStatus, type EventActor, isEnded, newId, webhookEventOf } from '@prosemill/core';
import {
  type InsertObject,
  type RawBuilder,
  type Selectable,
  sql,
  type UpdateObject,
  type UpdateQueryBuilder,
} from 'kysely';
import type { Dialect } from '../dialect.ts';
import { readWebhook, storableText } from '../rows.ts';
import type { JobEventTable, JobRow, Tables } from '../schema.ts';
import type { StatementContext, TransactionContext } from '../store-context.ts';

type JobColumns = UpdateObject<Tables, 'jobs'>;

/** The columns that a change depends on, besides those of its transition. */
export const changeColumns = ['id', 'owner_id', 'version', 'watched_at', 'webhook'] as const;

type ChangeableRow = Pick<JobRow, 'status' | 'attempt' | (typeof changeColumns)[number]>;

export interface ChangeRequest<Row extends ChangeableRow> {
  readonly row: Row;
  readonly change: Change;
  readonly actor: EventActor;
  /** The record of a finished generation. */
  readonly record?: InsertObject<Tables, 'generation_records'>;
}

/**
 * Applies a transition, and writes its event and what else belongs to it. The UPDATE is guarded by id, status, attempt
 * and version, and by the mark of a watcher, which raises no version.
 * @param context  Its `db` is a transaction, unless the database writes several tables in one statement.
 * @returns the changed row; undefined when another change was first
 */
export async function applyChange<Row extends ChangeableRow>(
  { db, dialect }: StatementContext,
  request: ChangeRequest<Row>,
): Promise<Row | undefined> {
  const { row, change, actor, record } = request;
  const version = row.version + 1;
  const columns: JobColumns = { version, ...columnsOf(change, dialect) };
  const changedNames = Object.entries(columns).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const update = db
    .updateTable('jobs')
    .set(columns)
    .where('id', '=', row.id)
    .where('status', '=', row.status)
    .where('attempt', '=', row.attempt)
    .where('version', '=', row.version)
    .where('watched_at', row.watched_at === null ? 'is' : 'is not', null)
    .returning(['id', ...(changedNames as (keyof JobRow)[])]);
  const event = { job_id: row.id, seq: version, type: change.event, attempt: row.attempt, actor } as const;
  const delivery = isEnded(change.status) ? deliveryOf(row, change.status, dialect) : undefined;
  const changed = await updateAndWrite({ db, dialect }, update, [
    insert('job_events', eventColumns(event, dialect)),
    ...(record === undefined ? [] : [insert('generation_records', record)]),
    ...(delivery === undefined ? [] : [insert('webhook_deliveries', delivery)]),
    ...(row.status === 'running' && row.watched_at !== null ? [deleteText] : []),
  ]);
  return changed === undefined ? undefined : { ...row, ...changed };
}

/** Makes a statement of `from …`, which has the changed row alone. */
type Write = (from: RawBuilder<unknown>) => RawBuilder<unknown>;

export const insert =
  <Table extends keyof Tables>(table: Table, columns: InsertObject<Tables, Table>): Write =>
  (from) =>
    sql`insert into ${sql.table(table)} (${sql.join(Object.keys(columns).map((name) => sql.ref(name)))})
      select ${sql.join(Object.values(columns))} ${from}`;

const deleteText: Write = (from) => sql`delete from job_text where job_id in (select id ${from})`;

/** Writes only when the UPDATE changes a row. Postgres gets one statement: each costs the worker time of its core. */
export async function updateAndWrite<Row extends Pick<JobRow, 'id'>>(
  { db, dialect }: StatementContext,
  update: UpdateQueryBuilder<Tables, 'jobs', 'jobs', Row>,
  writes: readonly Write[],
): Promise<Row | undefined> {
  if (dialect.writesInWith) {
    const parts = writes.map((write, index) => sql`${sql.id(`write_${index}`)} as (${write(sql`from updated`)})`);
    const statement = sql<Row>`with updated as (${update}), ${sql.join(parts)} select * from updated`;
    return (await statement.execute(db)).rows[0];
  }
  const changed = (await update.executeTakeFirst()) as Row | undefined;
  if (changed === undefined) return undefined;
  for (const write of writes) await write(sql`from jobs where id = ${changed.id}`).execute(db);
  return changed;
}

/** The row of the outbox of webhooks: the message is due as soon as the transition is committed, and only then. */
function deliveryOf(
  row: ChangeableRow,
  status: EndedStatus,
  dialect: Dialect,
): InsertObject<Tables, 'webhook_deliveries'> | undefined {
  const webhook = readWebhook(row.webhook);
  const event = webhookEventOf(status);
  if (webhook === null || !webhook.events.includes(event)) return undefined;
  const { url } = webhook;
  return {
    id: newId(),
    job_id: row.id,
    owner_id: row.owner_id,
    event,
    url,
    host: new URL(url).host,
    state: 'pending',
    attempts: 0,
    failures: 0,
    created_at: dialect.now,
    next_attempt_at: dialect.now,
    delivered_at: null,
  };
}

export type NewEvent = Omit<Selectable<JobEventTable>, 'at' | 'data'>;

export async function addEvents({ tx, dialect }: TransactionContext, events: readonly NewEvent[]): Promise<void> {
  const values = events.map((event) => eventColumns(event, dialect));
  await tx.insertInto('job_events').values(values).execute();
}

function eventColumns({ attempt, actor, ...event }: NewEvent, dialect: Dialect): InsertObject<Tables, 'job_events'> {
  return { ...event, at: dialect.now, data: JSON.stringify({ attempt, actor }) };
}

/** The columns of a change; Kysely leaves undefined ones out. Leaving `running` clears the lease. */
function columnsOf(change: Change, dialect: Dialect): JobColumns {
  const { usage, error, partialCompletion, availableInMs } = change;
  return {
    status: change.status,
    released_count: change.releasedCount,
    crash_count: change.crashCount,
    dispatch_epoch: change.dispatchEpoch,
    finish_reason: change.finishReason,
    partial_completion: partialCompletion === undefined ? undefined : storableText(partialCompletion),
    error_code: error?.code,
    error_message: error === undefined ? undefined : storableText(error.message),
    prompt_tokens: usage?.promptTokens,
    completion_tokens: usage?.completionTokens,
    time_to_first_token_ms: change.timeToFirstTokenMs,
    generation_ms: change.generationMs,
    available_at: availableInMs === undefined ? undefined : dialect.nowPlus(availableInMs),
    finished_at: isEnded(change.status) ? dialect.now : undefined,
    ...(change.status === 'running' ? {} : { lease_until: null, worker_id: null, is_waiting: null }),
  };
}
