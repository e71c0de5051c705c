/** Submits: new jobs become queued. */
import { AppError, isRetryable, type Job, type JobStore, type NewJob } from '@prosemill/core';
import { sql } from 'kysely';
import { toJob } from '../rows.ts';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { addEvents } from './apply-change.ts';
import { chooseTurns } from './choose-turns.ts';
import { groupCommit } from './group-commit.ts';
import { findKeyHolders, type KeyHolder, keyReused, nameOfKey, saveKeys } from './idempotency.ts';
import { lockRows } from './select-jobs.ts';

/** The advisory lock of submits; any constant does. */
const submitLock = 0x70726f73;

export function createSubmitMethods(context: StoreContext): Pick<JobStore, 'submit' | 'submitAll'> {
  const joinCommit = groupCommit<readonly NewJob[], readonly Job[] | null>({
    commit: async (submits) => await commitSubmits(context, submits),
    sizeOf: (jobs) => jobs.length,
    canBlameItem: (error) => !isRetryable(error),
  });

  async function submitAll(newJobs: readonly NewJob[]): Promise<readonly Job[]> {
    const jobs = await joinCommit(newJobs);
    if (jobs === null) throw keyReused();
    return jobs;
  }

  return {
    submitAll,
    async submit(newJob) {
      const [job] = await submitAll([newJob]);
      return job as Job;
    },
  };
}

/**
 * Commits the jobs of all of these submits, in this order, or none.
 * @returns for each submit its jobs, which are new or held by their idempotency keys; null, with nothing stored, when
 *   one of its keys holds the job of another request
 */
async function commitSubmits(
  { db, dialect, retentionMs }: StoreContext,
  submits: readonly (readonly NewJob[])[],
): Promise<readonly (readonly Job[] | null)[]> {
  return await db.transaction().execute(async (tx) => {
    await lockSubmits({ tx, dialect });
    const keys = submits.flat().flatMap(({ ownerId, idempotency }) => {
      return idempotency === undefined ? [] : [{ ownerId, key: idempotency.key }];
    });
    const holders: ReadonlyMap<KeyName, KeyHolder> = await findKeyHolders({ db: tx, dialect, retentionMs }, keys);
    const takers = new Map<KeyName, NewJob>();
    const isReused = (job: NewJob): boolean => {
      const holder = holders.get(keyNameOf(job)) ?? takers.get(keyNameOf(job))?.idempotency;
      return holder !== undefined && holder.requestHash !== job.idempotency?.requestHash;
    };
    const accepted = submits.map((jobs) => {
      if (jobs.some(isReused)) return null;
      for (const job of jobs) {
        const name = keyNameOf(job);
        if (!holders.has(name) && !takers.has(name)) takers.set(name, job);
      }
      return jobs;
    });
    const inserted = await insertJobs({ tx, dialect }, [...takers.values()]);
    const jobOf = (job: NewJob): Job => {
      const name = keyNameOf(job);
      return holders.get(name)?.job ?? (inserted.get(takers.get(name)?.id ?? '') as Job);
    };
    return accepted.map((jobs) => jobs?.map(jobOf) ?? null);
  });
}

/**
 * Waits for the other submits. A turn depends on the turns before it: concurrent submits would not see each other's
 * turns, and give a whole backlog the same one.
 */
export async function lockSubmits({ tx, dialect }: TransactionContext): Promise<void> {
  if (dialect.advisoryLocks) await sql`select pg_advisory_xact_lock(${submitLock})`.execute(tx);
}

/** A job without a key stands for itself. */
type KeyName = string | NewJob;

const keyNameOf = (job: NewJob): KeyName =>
  job.idempotency === undefined ? job : nameOfKey({ ownerId: job.ownerId, key: job.idempotency.key });

/**
 * Inserts jobs under {@link lockSubmits}.
 * @returns them by id
 * @throws {AppError} `gone` for the verification of a job that was purged
 */
export async function insertJobs(
  { tx, dialect }: TransactionContext,
  jobs: readonly NewJob[],
): Promise<ReadonlyMap<string, Job>> {
  if (jobs.length === 0) return new Map();
  await lockVerified({ tx, dialect }, jobs);
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
        start_deadline_at: job.startTimeoutMs === null ? null : dialect.nowPlus(job.startTimeoutMs),
        created_at: dialect.now,
        traceparent: job.traceparent,
        metadata: Object.keys(job.metadata).length === 0 ? null : JSON.stringify(job.metadata),
        watched_at: job.isWatched ? dialect.now : null,
        retry_of: job.retryOf,
        verify_of: job.verifyOf,
        required_fingerprint: job.requiredFingerprint,
        has_own_seed: job.hasOwnSeed ? 1 : 0,
        token_budget: job.tokenBudget,
        batch_id: job.batchId,
        custom_id: job.customId,
        webhook: job.webhook === null ? null : JSON.stringify(job.webhook),
        is_stored: job.isStored ? 1 : 0,
      })),
    )
    .returningAll()
    .execute();
  const events = jobs.map(({ id }) => ({
    job_id: id,
    seq: 1,
    type: 'job-queued' as const,
    attempt: 0,
    actor: 'api' as const,
  }));
  await addEvents({ tx, dialect }, events);
  await saveKeys({ tx, dialect }, jobs);
  return new Map(
    rows.map((row) => [row.id, toJob({ ...row, generation_id: null, completion: null }, { retentionMs: null })]),
  );
}

/** Locks the jobs that are to be verified: one that is purged meanwhile would leave its text in the verification. */
async function lockVerified({ tx, dialect }: TransactionContext, jobs: readonly NewJob[]): Promise<void> {
  const ids = jobs.flatMap(({ verifyOf }) => (verifyOf === null ? [] : [verifyOf]));
  if (ids.length === 0) return;
  const select = tx.selectFrom('jobs').select(['id', 'purged_at']).where('id', 'in', ids).orderBy('id');
  const rows = await lockRows(select, { dialect, skipLocked: false }).execute();
  const purged = rows.find(({ purged_at: purgedAt }) => purgedAt !== null);
  if (purged !== undefined) throw new AppError('gone', { message: `The job ${purged.id} was deleted.` });
}
