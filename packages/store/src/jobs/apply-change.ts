/** The one way to change a job's row. */
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
import type { TransactionContext } from '../store-context.ts';

type JobColumns = UpdateObject<Tables, 'jobs'>;

export interface ChangeRequest {
  readonly row: JobRow;
  readonly change: Change;
  readonly actor: EventActor;
  /** The columns of the lease that a claim begins. */
  readonly lease?: JobColumns;
  /** The record of a finished generation. */
  readonly record?: InsertObject<Tables, 'generation_records'>;
}

/**
 * Applies a transition, and writes its event and what else belongs to it. The UPDATE is guarded by id, status, attempt
 * and version.
 * @returns the changed row; undefined when another change was first
 */
export async function applyChange(
  { tx, dialect }: TransactionContext,
  request: ChangeRequest,
): Promise<JobRow | undefined> {
  const { row, change, actor, lease, record } = request;
  const version = row.version + 1;
  const update = tx
    .updateTable('jobs')
    .set({ version, ...columnsOf(change, dialect), ...lease })
    .where('id', '=', row.id)
    .where('status', '=', row.status)
    .where('attempt', '=', row.attempt)
    .where('version', '=', row.version)
    .returningAll();
  const attempt = change.attempt ?? row.attempt;
  const event = { job_id: row.id, seq: version, type: change.event, attempt, actor } as const;
  const delivery = isEnded(change.status) ? deliveryOf(row, change.status, dialect) : undefined;
  const updated = await updateAndInsert({ tx, dialect }, update, [
    insert('job_events', eventColumns(event, dialect)),
    ...(record === undefined ? [] : [insert('generation_records', record)]),
    ...(delivery === undefined ? [] : [insert('webhook_deliveries', delivery)]),
  ]);
  if (updated === undefined) return undefined;
  if (row.status === 'running' && row.watched_at !== null) {
    await tx.deleteFrom('job_text').where('job_id', '=', row.id).execute();
  }
  return updated;
}

/** An `insert … select` without `from`. */
const insert = <Table extends keyof Tables>(table: Table, columns: InsertObject<Tables, Table>): RawBuilder<unknown> =>
  sql`insert into ${sql.table(table)} (${sql.join(Object.keys(columns).map((name) => sql.ref(name)))})
    select ${sql.join(Object.values(columns))}`;

/** Inserts only when the UPDATE changes a row. Postgres gets one statement: each costs the worker time of its core. */
async function updateAndInsert(
  { tx, dialect }: TransactionContext,
  update: UpdateQueryBuilder<Tables, 'jobs', 'jobs', JobRow>,
  inserts: readonly RawBuilder<unknown>[],
): Promise<JobRow | undefined> {
  if (dialect.writesInWith) {
    const parts = inserts.map((statement, index) => sql`${sql.id(`insert_${index}`)} as (${statement} from updated)`);
    const statement = sql<JobRow>`with updated as (${update}), ${sql.join(parts)} select * from updated`;
    return (await statement.execute(tx)).rows[0];
  }
  const updated = await update.executeTakeFirst();
  if (updated === undefined) return undefined;
  for (const statement of inserts) await statement.execute(tx);
  return updated;
}

/** The row of the outbox of webhooks: the message is due as soon as the transition is committed, and only then. */
function deliveryOf(
  row: JobRow,
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
    attempt: change.attempt,
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
