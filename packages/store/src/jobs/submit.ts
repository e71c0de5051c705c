/** – → queued. */
import type { Job, NewJob } from '@prosemill/core';
import { sql } from 'kysely';
import { toJob } from '../rows.ts';
import { addEvent, type StoreContext, type TransactionContext } from './context.ts';

/** Commits these jobs together, or none of them. */
export async function submitJobs({ db, dialect }: StoreContext, jobs: readonly NewJob[]): Promise<readonly Job[]> {
  return await db.transaction().execute(async (tx) => {
    const submitted: Job[] = [];
    for (const job of jobs) submitted.push(await insertJob({ tx, dialect }, job));
    return submitted;
  });
}

async function insertJob({ tx, dialect }: TransactionContext, job: NewJob): Promise<Job> {
  const turn = await nextTurn({ tx, dialect }, job);
  const row = await tx
    .insertInto('jobs')
    .values({
      id: job.id,
      owner_id: job.ownerId,
      status: 'queued',
      version: 1,
      class: job.priorityClass,
      turn,
      prompt: job.prompt,
      parameters: JSON.stringify(job.parameters),
      seed: job.seed,
      attempt: 0,
      released_count: 0,
      crash_count: 0,
      max_attempts: job.maxAttempts,
      dispatch_epoch: 0,
      available_at: dialect.now,
      deadline_at: job.deadlineMs === null ? null : dialect.nowPlus(job.deadlineMs),
      created_at: dialect.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await addEvent({ tx, dialect }, { id: job.id, seq: 1, type: 'job-queued', data: { attempt: 0, actor: 'api' } });
  return toJob({ ...row, generation_id: null, generated_text: null });
}

/**
 * Start-time fair queueing, per class: after the owner's last turn, but never before the smallest turn that waits (or, when none waits,
 * the largest given so far), so that time spent idle earns nobody a head start.
 * @see Goyal, Vin, Cheng 1996, "Start-time Fair Queuing"
 */
async function nextTurn({ tx }: TransactionContext, { ownerId, priorityClass }: NewJob): Promise<number> {
  const { rows } = await sql<Record<'owner_last' | 'smallest_queued' | 'largest', number | null>>`
    select
      (select max(turn) from jobs where owner_id = ${ownerId} and class = ${priorityClass}) as owner_last,
      (select min(turn) from jobs where status = 'queued' and class = ${priorityClass}) as smallest_queued,
      (select max(turn) from jobs where class = ${priorityClass}) as largest`.execute(tx);
  const { owner_last: ownerLast, smallest_queued: smallestQueued, largest } = rows[0] ?? {};
  return Math.max((ownerLast ?? 0) + 1, smallestQueued ?? largest ?? 1);
}
