/** – → queued. */
import type { Job, NewJob } from '@prosemill/core';
import { sql } from 'kysely';
import { toJob } from '../rows.ts';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { addEvents } from './apply-change.ts';
import { chooseTurns } from './choose-turns.ts';
import { findKeyHolders, type KeyHolder, nameOfKey, saveKeys } from './idempotency.ts';

/** Postgres's name for "one submit at a time"; any constant does. */
const submitLock = 0x70726f73;

/**
 * Commits these jobs together, in this order, or none of them.
 * @returns for each the job that it is now: itself, the one that its idempotency key holds, or null when that is of another request
 */
export async function submitJobs(
  { db, dialect }: StoreContext,
  jobs: readonly NewJob[],
): Promise<readonly (Job | null)[]> {
  return await db.transaction().execute(async (tx) => {
    // Turns follow from each other: two submits that do not see each other would share one, and a backlog would stand in one turn.
    if (dialect.rowLocks) await sql`select pg_advisory_xact_lock(${submitLock})`.execute(tx);
    const keys = jobs.flatMap(({ ownerId, idempotency }) =>
      idempotency === undefined ? [] : [{ ownerId, key: idempotency.key }],
    );
    const holders: ReadonlyMap<KeyName, KeyHolder> = await findKeyHolders({ db: tx, dialect }, keys);
    const takers = firstTakers(jobs.filter((job) => !holders.has(keyNameOf(job))));
    const inserted = await insertJobs({ tx, dialect }, [...takers.values()]);
    return jobs.map((job) => {
      const holder = holders.get(keyNameOf(job));
      const taker = takers.get(keyNameOf(job)) ?? job;
      const requestHash = holder?.requestHash ?? taker.idempotency?.requestHash;
      return requestHash === job.idempotency?.requestHash ? (holder?.job ?? inserted.get(taker.id) ?? null) : null;
    });
  });
}

/** A job without a key stands for itself. */
type KeyName = string | NewJob;

const keyNameOf = (job: NewJob): KeyName =>
  job.idempotency === undefined ? job : nameOfKey({ ownerId: job.ownerId, key: job.idempotency.key });

/** Of jobs with the same key the first. */
function firstTakers(jobs: readonly NewJob[]): ReadonlyMap<KeyName, NewJob> {
  const takers = new Map<KeyName, NewJob>();
  for (const job of jobs) {
    const name = keyNameOf(job);
    if (!takers.has(name)) takers.set(name, job);
  }
  return takers;
}

async function insertJobs(
  { tx, dialect }: TransactionContext,
  jobs: readonly NewJob[],
): Promise<ReadonlyMap<string, Job>> {
  if (jobs.length === 0) return new Map();
  const turns = await chooseTurns({ tx, dialect }, jobs);
  const rows = await tx
    .insertInto('jobs')
    .values(
      jobs.map((job, index) => ({
        id: job.id,
        owner_id: job.ownerId,
        status: 'queued' as const,
        version: 1,
        class: job.priorityClass,
        turn: turns[index] ?? 1,
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
        traceparent: job.traceparent,
      })),
    )
    .returningAll()
    .execute();
  await addEvents(
    { tx, dialect },
    jobs.map(({ id }) => ({ id, seq: 1, type: 'job-queued', attempt: 0, actor: 'api' })),
  );
  await saveKeys({ tx, dialect }, jobs);
  return new Map(rows.map((row) => [row.id, toJob({ ...row, generation_id: null, generated_text: null })]));
}
