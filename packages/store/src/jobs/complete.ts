/** Outcomes of attempts: running → the status that the outcome leads to. */
import {
  applyOutcome,
  type Change,
  type ClaimKey,
  type FinishedGeneration,
  type Job,
  type JobStore,
  type Outcome,
  type OutcomeReceipt,
} from '@prosemill/core';
import type { Kysely } from 'kysely';
import type { Dialect } from '../dialect.ts';
import { storableText, toTransitionState, transitionColumns } from '../rows.ts';
import type { JobRow, Tables } from '../schema.ts';
import type { StatementContext, StoreContext } from '../store-context.ts';
import { applyChange, changeColumns, type ChangeRequest } from './apply-change.ts';

export const createCompleteMethods = ({ db, dialect }: StoreContext): Pick<JobStore, 'complete'> => ({
  async complete(claimed, outcome) {
    // One statement writes all, so it needs no lock. Each further message costs the worker time of its core.
    if (dialect.writesInWith) return await completeJob({ db, dialect }, claimed, outcome);
    return await db.transaction().execute(async (tx) => await completeJob({ db: tx, dialect }, claimed, outcome));
  },
});

const readColumns = [...changeColumns, ...transitionColumns, 'prompt', 'verify_of'] as const;

type CompletedRow = Pick<JobRow, (typeof readColumns)[number]>;

async function completeJob(
  { db, dialect }: StatementContext,
  claimed: ClaimKey | Job,
  outcome: Outcome,
): Promise<OutcomeReceipt> {
  const { id, attempt } = claimed;
  const read = async () => await db.selectFrom('jobs').select(readColumns).where('id', '=', id).executeTakeFirst();
  for (let known = rowAtClaim(claimed); ; known = null) {
    const row = known ?? (await read());
    if (row === undefined) return 'stale';
    if (row.status !== 'running' || row.attempt !== attempt) {
      return (await hasEnded(db, { id, attempt })) ? 'already' : 'stale';
    }
    const change = applyOutcome(toTransitionState(row), outcome);
    const kept = outcome.type === 'succeeded' ? keepText(row, change, outcome.result, dialect) : { change };
    const updated = await applyChange({ db, dialect }, { row, actor: 'worker', ...kept });
    if (updated !== undefined) return 'applied';
    // Another change was first, such as the request of a cancel: it decides.
  }
}

/** The row as its claim left it; null when only the key is known, or when it has a watcher. */
function rowAtClaim(claimed: ClaimKey | Job): CompletedRow | null {
  if (!('version' in claimed) || claimed.isWatched) return null;
  const { id, status, version, attempt, prompt, webhook } = claimed;
  return {
    id,
    status,
    version,
    attempt,
    prompt,
    owner_id: claimed.ownerId,
    webhook: webhook === null ? null : JSON.stringify(webhook),
    verify_of: claimed.verifyOf,
    released_count: claimed.releasedCount,
    crash_count: claimed.crashCount,
    max_attempts: claimed.maxAttempts,
    dispatch_epoch: claimed.dispatchEpoch,
    cancel_requested_at: claimed.cancelRequestedAt,
    watched_at: null,
    is_waiting: null,
  };
}

/** Adds the generation record. A verification has none: its text stays in the row of its job. */
function keepText(
  row: CompletedRow,
  change: Change,
  { completion, modelName }: FinishedGeneration,
  dialect: Dialect,
): Pick<ChangeRequest<CompletedRow>, 'change' | 'record'> {
  if (row.verify_of !== null) return { change: { ...change, partialCompletion: completion } };
  const record = {
    job_id: row.id,
    owner_id: row.owner_id,
    prompt: row.prompt,
    completion: storableText(completion),
    model_name: modelName,
    created_at: dialect.now,
  };
  return { change, record };
}

/** True when this attempt was ended by its own worker: then the reply to an earlier try was lost. */
async function hasEnded(db: Kysely<Tables>, { id, attempt }: ClaimKey): Promise<boolean> {
  const ending = await db
    .selectFrom('job_events')
    .select('seq')
    .where('job_id', '=', id)
    .where('attempt', '=', attempt)
    .where('actor', '=', 'worker')
    .where('type', '!=', 'job-claimed')
    .limit(1)
    .executeTakeFirst();
  return ending !== undefined;
}
