/** Outcomes of attempts: running → the status that the outcome leads to. */
import { applyOutcome, type Change, type ClaimKey, type FinishedGeneration, type JobStore } from '@prosemill/core';
import type { Dialect } from '../dialect.ts';
import { storableText, toTransitionState } from '../rows.ts';
import type { JobRow } from '../schema.ts';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { applyChange, type ChangeRequest } from './apply-change.ts';
import { lockRows } from './select-jobs.ts';

export const createCompleteMethods = ({ db, dialect }: StoreContext): Pick<JobStore, 'complete'> => ({
  async complete({ id, attempt }, outcome) {
    return await db.transaction().execute(async (tx) => {
      const select = tx.selectFrom('jobs').selectAll().where('id', '=', id);
      const row = await lockRows(select, { dialect, skipLocked: false }).executeTakeFirst();
      if (row === undefined) return 'stale';
      if (row.status !== 'running' || row.attempt !== attempt) {
        return (await hasEnded(tx, { id, attempt })) ? 'already' : 'stale';
      }
      const change = applyOutcome(toTransitionState(row), outcome);
      const kept = outcome.type === 'succeeded' ? keepText(row, change, outcome.result, dialect) : { change };
      const updated = await applyChange({ tx, dialect }, { row, actor: 'worker', ...kept });
      if (updated === undefined) throw new Error('A row changed under its lock.');
      return 'applied';
    });
  },
});

/** Adds the generation record. A verification has none: its text stays in the row of its job. */
function keepText(
  row: JobRow,
  change: Change,
  { completion, modelName }: FinishedGeneration,
  dialect: Dialect,
): Pick<ChangeRequest, 'change' | 'record'> {
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
async function hasEnded(tx: TransactionContext['tx'], { id, attempt }: ClaimKey): Promise<boolean> {
  const ending = await tx
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
