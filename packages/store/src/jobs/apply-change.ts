/** The one way to change a job's row. */
import { type Change, type EndedStatus, type EventActor, isEnded, newId, webhookEventOf } from '@prosemill/core';
import type { Selectable, UpdateObject } from 'kysely';
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
}

/**
 * Applies a transition and writes its event. The UPDATE is guarded by id, status, attempt and version.
 * @returns false when another change was first
 */
export async function applyChange({ tx, dialect }: TransactionContext, request: ChangeRequest): Promise<boolean> {
  const { row, change, actor, lease } = request;
  const version = row.version + 1;
  const updated = await tx
    .updateTable('jobs')
    .set({ version, ...columnsOf(change, dialect), ...lease })
    .where('id', '=', row.id)
    .where('status', '=', row.status)
    .where('attempt', '=', row.attempt)
    .where('version', '=', row.version)
    .executeTakeFirst();
  if (updated.numUpdatedRows === 0n) return false;
  if (row.status === 'running' && row.watched_at !== null) {
    await tx.deleteFrom('job_text').where('job_id', '=', row.id).execute();
  }
  if (isEnded(change.status)) await addDelivery({ tx, dialect }, row, change.status);
  const attempt = change.attempt ?? row.attempt;
  await addEvents({ tx, dialect }, [{ job_id: row.id, seq: version, type: change.event, attempt, actor }]);
  return true;
}

/** The outbox of webhooks: the message is due as soon as the transition is committed, and only then. */
async function addDelivery({ tx, dialect }: TransactionContext, row: JobRow, status: EndedStatus): Promise<void> {
  const webhook = readWebhook(row.webhook);
  const event = webhookEventOf(status);
  if (webhook === null || !webhook.events.includes(event)) return;
  const { url } = webhook;
  await tx
    .insertInto('webhook_deliveries')
    .values({
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
    })
    .execute();
}

export type NewEvent = Omit<Selectable<JobEventTable>, 'at' | 'data'>;

export async function addEvents({ tx, dialect }: TransactionContext, events: readonly NewEvent[]): Promise<void> {
  const values = events.map(({ attempt, actor, ...event }) => {
    return { ...event, at: dialect.now, data: JSON.stringify({ attempt, actor }) };
  });
  await tx.insertInto('job_events').values(values).execute();
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
    ...(change.status === 'running' ? {} : { lease_until: null, worker_id: null }),
  };
}
