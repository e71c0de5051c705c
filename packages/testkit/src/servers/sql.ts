/** SQL past the store, for tests that look at the rows themselves. */
import { Client } from 'pg';

/** Runs one statement. */
export type ExecuteSql = (statement: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

export interface SqlConnection {
  readonly execute: ExecuteSql;
  /** Idempotent. */
  close(): Promise<void>;
}

/** @param url  `postgres://…`, or `sqlite:PATH` of an existing file. */
export async function openSql(url: string): Promise<SqlConnection> {
  return url.startsWith('sqlite:') ? await openFile(url.slice('sqlite:'.length)) : await openServer(url);
}

async function openFile(path: string): Promise<SqlConnection> {
  // Node warns when it loads this module, which few tests need.
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { timeout: 5_000 });
  return {
    execute: async (statement) => database.prepare(statement).all(),
    async close() {
      if (database.isOpen) database.close();
    },
  };
}

async function openServer(url: string): Promise<SqlConnection> {
  const client = new Client({ connectionString: url });
  // A test that kills the server breaks this connection.
  client.on('error', () => undefined);
  await client.connect();
  return {
    execute: async (statement) => (await client.query<Record<string, unknown>>(statement)).rows,
    close: async () => await client.end(),
  };
}
