/** SQL past the store, for tests that look at the rows themselves. */
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';

/** Runs one statement. */
export type ExecuteSql = (statement: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

export interface SqlConnection {
  readonly execute: ExecuteSql;
  /** Idempotent. */
  close(): Promise<void>;
}

/** @param url  `postgres://…`, or `sqlite:PATH` for a file that is there. */
export async function openSql(url: string): Promise<SqlConnection> {
  return url.startsWith('sqlite:') ? openFile(url.slice('sqlite:'.length)) : await openServer(url);
}

function openFile(path: string): SqlConnection {
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
  // A server that a test kills takes this connection with it.
  client.on('error', () => undefined);
  await client.connect();
  return {
    execute: async (statement) => (await client.query<Record<string, unknown>>(statement)).rows,
    close: async () => await client.end(),
  };
}
