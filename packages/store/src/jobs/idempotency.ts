/** Which job an idempotency key holds. */
import {
  AppError,
  type IdempotencyKey,
  idempotencyKeyMs,
  type Job,
  type NewJob,
  releasesIdempotencyKey,
} from '@prosemill/core';
import { sql } from 'kysely';
import { toJob } from '../rows.ts';
import type { StoreContext, TransactionContext } from '../store-context.ts';
import { selectJobs } from './select-jobs.ts';

/** A key in the hands of its owner. */
interface OwnedKey {
  readonly ownerId: string;
  readonly key: string;
}

/** The job of a key, and the request that it was made for. */
export interface KeyHolder {
  readonly requestHash: string;
  readonly job: Job;
}

/** The holders of these keys, by {@link nameOfKey}; free keys have none. */
export async function findKeyHolders(
  { db, dialect }: StoreContext,
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
  const holding = rows.filter(({ status }) => !releasesIdempotencyKey(status));
  return new Map(
    holding.map((row) => [
      nameOfKey({ ownerId: row.owner_id, key: row.key }),
      { requestHash: row.request_hash, job: toJob(row) },
    ]),
  );
}

export const nameOfKey = ({ ownerId, key }: OwnedKey): string => JSON.stringify([ownerId, key]);

export async function findByIdempotencyKey(
  context: StoreContext,
  ownerId: string,
  { key, requestHash }: IdempotencyKey,
): Promise<Job | null> {
  const [holder] = (await findKeyHolders(context, [{ ownerId, key }])).values();
  if (holder === undefined) return null;
  if (holder.requestHash !== requestHash) throw keyReused();
  return holder.job;
}

export const keyReused = (): AppError =>
  new AppError('idempotency_key_reused', { message: 'Idempotency-Key: was used for another request.' });

/** Gives the keys of these jobs to them, whoever had them: under the submit lock no other submit has looked since they were found free. */
export async function saveKeys({ tx, dialect }: TransactionContext, jobs: readonly NewJob[]): Promise<void> {
  const values = jobs.flatMap(({ id, ownerId, idempotency }) =>
    idempotency === undefined
      ? []
      : [
          {
            owner_id: ownerId,
            key: idempotency.key,
            request_hash: idempotency.requestHash,
            job_id: id,
            created_at: dialect.now,
          },
        ],
  );
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

/** A key that a submit takes meanwhile is young again, and stays: the guard is repeated under the row's lock. */
export async function deleteOldIdempotencyKeys({ db, dialect }: StoreContext, limit: number): Promise<number> {
  // A scalar subquery is computed once; a volatile clock in its place would keep the index out.
  const isOld = sql<boolean>`created_at <= (select ${dialect.nowPlus(-idempotencyKeyMs)})`;
  const skipLocked = dialect.rowLocks ? sql`for update skip locked` : sql``;
  const { numAffectedRows } = await sql`
    with old as materialized (
      select owner_id, key from idempotency_keys where ${isOld} order by created_at limit ${limit} ${skipLocked}
    )
    delete from idempotency_keys where (owner_id, key) in (select owner_id, key from old) and ${isOld}`.execute(db);
  return Number(numAffectedRows ?? 0);
}
