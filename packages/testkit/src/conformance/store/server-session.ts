/** Sessions of the store's suites on databases of the run's Postgres, which several processes may use. */
import type { Store } from '@prosemill/core';
import { afterAll, beforeAll, inject } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../servers/postgres.ts';
import { openSql } from '../../servers/sql.ts';
import type { OpenSession, StoreSession } from './session.ts';

export interface ServerSessionOptions {
  /** Opens a store on a database, as a process of its own would. */
  readonly open: (url: string, clockOffsetMs: number) => Store;
  /** Changes the URL of a database, so that its stores reach it another way. */
  readonly reach?: (url: string) => string;
}

/** Opens each session on a copy of one migrated database, because a migration takes longer than most of the tests. */
export function openServerSessions({ open, reach = (url) => url }: ServerSessionOptions): OpenSession {
  let template: TestDatabase;
  beforeAll(async () => {
    template = await createTestDatabase(inject('postgresUrl'));
    const store = open(template.url, 0);
    await store.migrate();
    // A database with connections cannot be copied.
    await store.stop();
  });
  afterAll(async () => await template.drop());

  return async () => {
    const database = await createTestDatabase(inject('postgresUrl'), { template });
    return sessionOn(database, (clockOffsetMs) => open(reach(database.url), clockOffsetMs));
  };
}

function sessionOn(database: TestDatabase, open: (clockOffsetMs: number) => Store): StoreSession {
  let stores = [open(0), open(0)] as const;
  const stop = async () => await Promise.all(stores.map((store) => store.stop()));
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
