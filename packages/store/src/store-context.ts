/** The database or its open transaction, as the functions of this package pass it on. */
import type { Kysely, Transaction } from 'kysely';
import type { Dialect } from './dialect.ts';
import type { Tables } from './schema.ts';

export interface StoreContext {
  readonly db: Kysely<Tables>;
  readonly dialect: Dialect;
  /** The time from the end of a job until its purge; null: no limit. */
  readonly retentionMs: number | null;
}

/** For statements that need no transaction, or that run in the one of `db`. */
export type StatementContext = Pick<StoreContext, 'db' | 'dialect'>;

export interface JobStoreContext extends StoreContext {
  /** The same database for claims: Postgres walks the index to the first row, whatever its statistics are. */
  readonly claimDb: Kysely<Tables>;
}

export interface TransactionContext {
  readonly tx: Transaction<Tables>;
  readonly dialect: Dialect;
}
