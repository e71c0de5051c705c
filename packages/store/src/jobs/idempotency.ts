/** Idempotency keys: the job that a key holds, and since when. */
import {
  AppError,
  idempotencyKeyMs,
  isRetryable,
  type Job,
  type JobStore,
  type NewJob,
  releasesIdempotencyKey,
} from '@prosemill/core';
import { sql } from 'kysely';
import { toJob } from '../rows.ts';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { groupCommit } from './group-commit.ts';
import { selectJobs } from './select-jobs.ts';

/** Owners choose their keys: two owners may choose the same. */
interface OwnedKey {
  readonly ownerId: string;
  readonly key: string;
}

/** The job that a key holds, and the hash of the request that made it. */
export interface KeyHolder {
  readonly requestHash: string;
  readonly job: Job;
}

type IdempotencyMethods = Pick<JobStore, 'findByIdempotencyKey' | 'deleteOldIdempotencyKeys'>;

export function createIdempotencyMethods(context: StoreContext): IdempotencyMethods {
  // A batch and a burst of submits ask for many keys at once: each alone would wait for a connection of its own.
  const findHolder = groupCommit<OwnedKey, KeyHolder | null>({
    commit: async (keys) => {
      const holders = await findKeyHolders(context, keys);
      return keys.map((key) => holders.get(nameOfKey(key)) ?? null);
    },
    sizeOf: () => 1,
    canBlameItem: (error) => !isRetryable(error),
  });

  return {
    async findByIdempotencyKey(ownerId, { key, requestHash }) {
      const holder = await findHolder({ ownerId, key });
      if (holder === null) return null;
      if (holder.requestHash !== requestHash) throw keyReused();
      return holder.job;
    },

    async deleteOldIdempotencyKeys(limit) {
      const { db, dialect } = context;
      // A scalar subquery is computed once. The volatile clock itself would keep Postgres from using the index.
      const isOld = sql<boolean>`created_at <= (select ${dialect.nowPlus(-idempotencyKeyMs)})`;
      const skipLocked = dialect.rowLocks ? sql`for update skip locked` : sql``;
      // The guard is repeated under the row's lock: a key that a submit has just taken is young again, and stays.
      const { numAffectedRows } = await sql`
        with old as materialized (
          select owner_id, key from idempotency_keys where ${isOld} order by created_at limit ${limit} ${skipLocked}
        )
        delete from idempotency_keys where (owner_id, key) in (select owner_id, key from old) and ${isOld}`.execute(db);
      return Number(numAffectedRows ?? 0);
    },
  };
}

/** Finds the holders of these keys, by {@link nameOfKey}. Free keys are left out. */
export async function findKeyHolders(
  { db, dialect, retentionMs }: StoreContext,
  keys: readonly OwnedKey[],
): Promise<ReadonlyMap<string, KeyHolder>> {
  if (keys.length === 0) return new Map();
  const values = sql.join(keys.map(({ ownerId, key }) => sql`(${ownerId}, ${key})`));
  const rows = await selectJobs(db)
    .innerJoin('idempotency_keys', 'idempotency_keys.job_id', 'jobs.id')
    .select(['idempotency_keys.key', 'idempotency_keys.request_hash'])
    .where(sql<boolean>`(idempotency_keys.owner_id, idempotency_keys.key) in (values ${values})`)
    .where('idempotency_keys.created_at', '>', dialect.nowPlus(-idempotencyKeyMs))
    .execute();
  // The key of a batch names its first job, so that older versions refuse it too. No job gives it back.
  const holding = rows.filter(({ status, batch_id: batchId }) => batchId !== null || !releasesIdempotencyKey(status));
  return new Map(
    holding.map((row) => [
      nameOfKey({ ownerId: row.owner_id, key: row.key }),
      { requestHash: row.request_hash, job: toJob(row, { retentionMs }) },
    ]),
  );
}

export const nameOfKey = ({ ownerId, key }: OwnedKey): string => JSON.stringify([ownerId, key]);

export const keyReused = (): AppError =>
  new AppError('idempotency_key_reused', { message: 'Idempotency-Key: was used for another request.' });

/**
 * Makes these jobs the holders of their keys, and replaces earlier holders. The keys were found free under the submit
 * lock, so no other submit can have taken them since.
 */
export async function saveKeys({ tx, dialect }: TransactionContext, jobs: readonly NewJob[]): Promise<void> {
  const values = jobs.flatMap(({ id, ownerId, idempotency }) => {
    if (idempotency === undefined) return [];
    const { key, requestHash } = idempotency;
    return [{ owner_id: ownerId, key, request_hash: requestHash, job_id: id, created_at: dialect.now }];
  });
  if (values.length === 0) return;
  await tx
    .insertInto('idempotency_keys')
    .values(values)
    .onConflict((conflict) =>
      conflict.columns(['owner_id', 'key']).doUpdateSet((builder) => ({
        request_hash: builder.ref('excluded.request_hash'),
        job_id: builder.ref('excluded.job_id'),
        created_at: builder.ref('excluded.created_at'),
      })),
    )
    .execute();
}
