/** The one way to change a job's row. */
import type { Change } from '@prosemill/core';
import type { Dialect } from '../dialect.ts';
import { storableText } from '../rows.ts';
import type { Actor, JobRow, JobTable } from '../schema.ts';
import type { TransactionContext } from '../store-context.ts';

export interface Lease {
  readonly workerId: string;
  readonly leaseMs: number;
  readonly model: Pick<
    JobTable,
    'model_name' | 'model_revision' | 'model_engine' | 'model_dtype' | 'model_fingerprint'
  >;
}

export interface ChangeRequest {
  readonly row: JobRow;
  readonly change: Change;
  readonly actor: Actor;
  /** Present when the change is a claim. */
  readonly lease?: Lease;
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
    .set({ version, ...columnsOf(change, dialect), ...leaseColumns(lease, dialect) })
    .where('id', '=', row.id)
    .where('status', '=', row.status)
    .where('attempt', '=', row.attempt)
    .where('version', '=', row.version)
    .executeTakeFirst();
  if (updated.numUpdatedRows === 0n) return false;
  const attempt = change.attempt ?? row.attempt;
  await addEvents({ tx, dialect }, [{ id: row.id, seq: version, type: change.event, attempt, actor }]);
  return true;
}

export interface NewEvent {
  readonly id: string;
  readonly seq: number;
  readonly type: string;
  readonly attempt: number;
  readonly actor: Actor;
}

export async function addEvents({ tx, dialect }: TransactionContext, events: readonly NewEvent[]): Promise<void> {
  const values = events.map(({ id, seq, type, attempt, actor }) => {
    return { job_id: id, seq, type, at: dialect.now, data: JSON.stringify({ attempt, actor }) };
  });
  await tx.insertInto('job_events').values(values).execute();
}

/** The columns of a change. Leaving `running` clears the lease; a terminal status sets `finished_at`. */
function columnsOf(change: Change, dialect: Dialect) {
  const { usage, error, partialText } = change;
  const isTerminal = change.status !== 'queued' && change.status !== 'running';
  return {
    status: change.status,
    ...defined({
      attempt: change.attempt,
      released_count: change.releasedCount,
      crash_count: change.crashCount,
      dispatch_epoch: change.dispatchEpoch,
      finish_reason: change.finishReason,
      partial_text: partialText === undefined ? undefined : storableText(partialText),
      error_code: error?.code,
      error_message: error === undefined ? undefined : storableText(error.message),
      prompt_tokens: usage?.promptTokens,
      completion_tokens: usage?.completionTokens,
      time_to_first_token_ms: change.timeToFirstTokenMs,
      generation_ms: change.generationMs,
    }),
    ...(change.availableInMs === undefined ? {} : { available_at: dialect.nowPlus(change.availableInMs) }),
    ...(change.status === 'running' ? {} : { lease_until: null, worker_id: null }),
    ...(isTerminal ? { finished_at: dialect.now } : {}),
  };
}

const leaseColumns = (lease: Lease | undefined, dialect: Dialect) =>
  lease === undefined
    ? {}
    : {
        lease_until: dialect.nowPlus(lease.leaseMs),
        worker_id: lease.workerId,
        started_at: dialect.now,
        ...lease.model,
      };

/** Drops undefined entries and keeps null. */
function defined<Columns extends Record<string, unknown>>(columns: Columns) {
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Columns]?: Exclude<Columns[Name], undefined>;
  };
}
