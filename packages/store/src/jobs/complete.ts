/** Outcomes of attempts: running → the status that the outcome leads to. */
import { applyOutcome, type Change, type ClaimKey, type FinishedGeneration, type JobStore } from '@prosemill/core';
import { storableText, toTransitionState } from '../rows.ts';
import type { JobRow } from '../schema.ts';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { applyChange } from './apply-change.ts';
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
      const text = outcome.type === 'succeeded' ? await keepText({ tx, dialect }, row, outcome.result) : {};
      const isApplied = await applyChange({ tx, dialect }, { row, change: { ...change, ...text }, actor: 'worker' });
      if (!isApplied) throw new Error('A row changed under its lock.');
      return 'applied';
    });
  },
});

/** Writes the generation record. A verification has none: its text stays in the row of its job. */
async function keepText(
  { tx, dialect }: TransactionContext,
  row: JobRow,
  { completion, modelName }: FinishedGeneration,
): Promise<Pick<Change, 'partialCompletion'>> {
  if (row.verify_of !== null) return { partialCompletion: completion };
  await tx
    .insertInto('generation_records')
    .values({
      job_id: row.id,
      owner_id: row.owner_id,
      prompt: row.prompt,
      completion: storableText(completion),
      model_name: modelName,
      created_at: dialect.now,
    })
    .execute();
  return {};
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
