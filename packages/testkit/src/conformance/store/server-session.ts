/** A session of the store's suites on a database of a server, which several processes may use. */
import type { Store } from '@prosemill/core';
import type { TestDatabase } from '../../servers/postgres.ts';
import { openSql } from '../../servers/sql.ts';
import type { StoreSession } from './session.ts';

export interface ServerSessionOptions {
  readonly database: TestDatabase;
  /** Opens a store on the database, as a process of its own would. */
  readonly open: (clockOffsetMs: number) => Store;
}

export async function openServerSession({ database, open }: ServerSessionOptions): Promise<StoreSession> {
  let stores = [open(0), open(0)] as const;
  const stop = async () => await Promise.all(stores.map((store) => store.stop()));
  await stores[0].migrate();
  return {
    get store() {
      return stores[0];
    },
    get others() {
      return [stores[1]];
    },
    async travel(offsetMs) {
      await stop();
      stores = [open(offsetMs), open(offsetMs)];
    },
    async execute(statement) {
      const sql = await openSql(database.url);
      try {
        return await sql.execute(statement);
      } finally {
        await sql.close();
      }
    },
    async close() {
      await stop();
      await database.drop();
    },
  };
}
