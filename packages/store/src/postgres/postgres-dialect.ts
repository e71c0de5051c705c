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

/**
 * The same, for statements that are transactions of their own. Postgres walks an index to their first row: with
 * statistics from before a burst it expects a handful of rows, and would read and sort all of them.
 */
export const pooledPostgresWithoutSort = (options: PooledPostgresOptions): Dialect => ({
  ...pooledPostgres(options),
  createQueryCompiler: () => new UnsortedQueryCompiler(),
});

/**
 * Sends the setting with the statement, so it costs no round trip. Such a message can have no parameters, so values
 * become literals, which the session's `standard_conforming_strings` makes safe.
 */
class UnsortedQueryCompiler extends PostgresQueryCompiler {
  override compileQuery(...query: Parameters<PostgresQueryCompiler['compileQuery']>): CompiledQuery {
    const compiled = super.compileQuery(...query);
    const settings = 'set transaction isolation level read committed; set local enable_sort = off';
    return { ...compiled, sql: `${settings}; ${compiled.sql}` };
  }

  protected override appendValue(value: unknown): void {
    this.appendImmediateValue(value);
  }
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
