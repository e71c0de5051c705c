/**
 * Kysely's Postgres for connections that pgbouncer may share. In pgbouncer's transaction mode two transactions of one
 * connection may run in two sessions of the server, so settings and locks of a session get lost, or reach other
 * clients. Everything here lasts for its transaction only.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  type PostgresPool,
  PostgresQueryCompiler,
} from 'kysely';
import { idleTransactionTimeoutMs } from './postgres-session.ts';

export interface PooledPostgresOptions {
  readonly pool: PostgresPool;
  /** Settings of each transaction, such as its time limit for a statement, which includes the waits for locks. */
  readonly settings: Readonly<Record<string, string | number>>;
}

export function pooledPostgres(options: PooledPostgresOptions): Dialect {
  return {
    createDriver: () => new PooledPostgresDriver(options),
    createAdapter: () => new PooledPostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  };
}

class PooledPostgresDriver extends PostgresDriver {
  readonly #begin: CompiledQuery;

  constructor({ pool, settings }: PooledPostgresOptions) {
    super({ pool });
    const timeouts = { lock_timeout: 0, idle_in_transaction_session_timeout: idleTransactionTimeoutMs };
    const setLocal = Object.entries({ ...timeouts, ...settings }).map(
      ([name, value]) => `set local ${name} = ${value}`,
    );
    // The settings share a message with `begin`, so they cost no round trip.
    this.#begin = CompiledQuery.raw(['begin isolation level read committed', ...setLocal].join('; '));
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(this.#begin);
  }
}

/** Kysely would lock migrations for the session. `migrate` takes the same lock for its transaction. */
class PooledPostgresAdapter extends PostgresAdapter {
  override acquireMigrationLock = async (): Promise<void> => undefined;
  override releaseMigrationLock = async (): Promise<void> => undefined;
}
