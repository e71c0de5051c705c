/** The store behind pgbouncer with its defaults. In transaction mode no setting or lock of a session lasts. */
import { newId } from '@prosemill/core';
import {
  createTestDatabase,
  describeStoreConformance,
  launchPgbouncer,
  newJob,
  openServerSessions,
  retentionDays,
  openSql,
  type Pgbouncer,
  type PoolMode,
  silentLogger,
} from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { openStore } from './index.ts';
import { openForTest } from './test-postgres.ts';

/** The URL of a database of the server, through pgbouncer. */
function behind(pgbouncer: Pgbouncer, direct: string): string {
  const url = new URL(pgbouncer.url);
  url.pathname = new URL(direct).pathname;
  return url.href;
}

describe.each(['session', 'transaction'] satisfies PoolMode[])('in %s mode', (poolMode) => {
  let pgbouncer: Pgbouncer;
  beforeAll(async () => {
    pgbouncer = await launchPgbouncer({ postgresUrl: inject('postgresUrl'), poolMode });
  });
  afterAll(async () => await pgbouncer.stop());

  /** URLs of one database: through pgbouncer, and directly. */
  async function emptyDatabase(): Promise<{ url: string; direct: string }> {
    const { url: direct, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    return { url: behind(pgbouncer, direct), direct };
  }

  it('migrations of several processes at once become one', async () => {
    const { url } = await emptyDatabase();
    const stores = Array.from({ length: 4 }, () => openForTest(url));
    await Promise.all(stores.map((store) => store.migrate()));
    await expect(Promise.all(stores.map((store) => store.requireReady()))).resolves.toHaveLength(4);
  });

  it('a statement that runs out of time is canceled on the server', async () => {
    const { url, direct } = await emptyDatabase();
    const store = openForTest(url);
    await store.migrate();
    const sql = await openSql(direct);
    onTestFinished(async () => await sql.close());
    await sql.execute('begin');
    await sql.execute('lock table jobs in access exclusive mode');
    await expect(store.jobs.renew({ id: newId(), attempt: 1 }, 2_000)).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await expect.poll(async () => await sql.execute(waiting)).toEqual([]);
    await sql.execute('rollback');
    expect(await store.jobs.renew({ id: newId(), attempt: 1 }, 2_000)).toBeNull();
  });
});

describe('a transaction behind pgbouncer', () => {
  /** Tests both modes at the same time, since the time limit takes most of the test. */
  it('is ended by the server when one of its statements takes too long', { timeout: 30_000 }, async () => {
    const failures = (['session', 'transaction'] as const).map(async (poolMode) => {
      const { url, drop } = await createTestDatabase(inject('postgresUrl'));
      onTestFinished(drop);
      const pgbouncer = await launchPgbouncer({ postgresUrl: url, poolMode });
      onTestFinished(async () => await pgbouncer.stop());
      const store = openForTest(pgbouncer.url);
      await store.migrate();
      const sql = await openSql(url);
      onTestFinished(async () => await sql.close());
      await sql.execute('begin');
      await sql.execute('lock table job_events in access exclusive mode');
      const failure: unknown = await store.jobs.submit(newJob()).catch((error: unknown) => error);
      await sql.execute('rollback');
      expect(await store.jobs.submit(newJob())).toMatchObject({ status: 'queued' });
      return failure;
    });
    const timeout = expect.objectContaining({
      code: 'database_unavailable',
      cause: expect.objectContaining({ code: '57014' }),
    });
    expect(await Promise.all(failures)).toEqual([timeout, timeout]);
  });
});

let shared: Pgbouncer;
beforeAll(async () => {
  shared = await launchPgbouncer({ postgresUrl: inject('postgresUrl'), poolMode: 'transaction' });
});
afterAll(async () => await shared.stop());

describeStoreConformance(
  'Postgres behind pgbouncer in transaction mode',
  openServerSessions({
    open: (url, clockOffsetMs) => openStore({ url, logger: silentLogger, retentionDays, clockOffsetMs }),
    reach: (url) => behind(shared, url),
  }),
);
