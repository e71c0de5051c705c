import { cancelQueued, errorLine } from '@prosemill/core';
import { describeStoreConformance, newJob, openServerSessions, retentionDays, silentLogger } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openStore } from './index.ts';
import { applyChange } from './jobs/apply-change.ts';
import { openDatabase } from './open-database.ts';
import { emptyDatabase, execute, openClient, openForTest } from './test-postgres.ts';

const open = (url: string, clockOffsetMs: number) =>
  openStore({ url, logger: silentLogger, retentionDays, clockOffsetMs });

describeStoreConformance('Postgres', openServerSessions({ open }));

/** Counts the rows of jobs that statements have read so far. Sessions report them when they end. */
async function readRows(url: string): Promise<number> {
  const others = `select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  await expect.poll(async () => (await execute(url, others)).length, { interval: 20 }).toBe(0);
  const read = `select seq_tup_read + idx_tup_fetch as rows from pg_stat_user_tables where relname = 'jobs'`;
  return Number((await execute(url, read))[0]?.['rows']);
}

describe('a Postgres server', () => {
  it('can be migrated by several processes at once', async () => {
    const url = await emptyDatabase();
    const stores = Array.from({ length: 4 }, () => openForTest(url));
    await Promise.all(stores.map((store) => store.migrate()));
    await expect(Promise.all(stores.map((store) => store.requireReady()))).resolves.toHaveLength(4);
  });

  it('is migrated after the end of a long transaction, and other calls do not wait for the migration', async () => {
    const url = await emptyDatabase();
    const store = openForTest(url);
    await store.migrate();
    // The columns stay, as after an operator's own `alter table`.
    await execute(url, `delete from kysely_migration where name >= '0006'`);
    const backup = await openClient(url);
    await backup.query('begin');
    await backup.query('select * from job_events');
    const migration = store.migrate().catch((error: unknown) => error);
    const waiting = `select 1 from pg_locks where relation = 'job_events'::regclass and not granted`;
    await expect.poll(async () => (await execute(url, waiting)).length).toBe(1);
    const job = newJob();
    expect(await store.jobs.submit(job)).toMatchObject({ id: job.id });
    expect(await migration).toMatchObject({ code: 'database_unavailable' });
    await backup.query('commit');
    await store.migrate();
    await store.requireReady();
  });

  it('has connections that can be counted, and calls that wait for one', async () => {
    const url = await emptyDatabase();
    const store = openForTest(url);
    await store.migrate();
    expect(store.connections()).toEqual({ inUse: 0, idle: 0, waiting: 0 });
    const reads = Promise.all(Array.from({ length: 15 }, () => store.jobs.measureQueue()));
    await expect.poll(() => store.connections(), { interval: 1 }).toMatchObject({ inUse: 10, waiting: 5 });
    await reads;
    expect(store.connections()).toEqual({ inUse: 0, idle: 10, waiting: 0 });
  });

  it('looks up the idempotency keys of a burst of submits on one connection', async () => {
    const store = openForTest(await emptyDatabase());
    await store.migrate();
    const keys = Array.from({ length: 300 }, (_, index) => ({ key: String(index), requestHash: '' }));
    await Promise.all(keys.map(async (key) => await store.jobs.findByIdempotencyKey('local', key)));
    expect(store.connections()).toEqual({ inUse: 0, idle: 1, waiting: 0 });
  });

  it('does not read a whole burst for one claim, even with outdated statistics', async () => {
    const url = await emptyDatabase();
    const filling = openForTest(url);
    await filling.migrate();
    await execute(url, 'alter table jobs set (autovacuum_enabled = false)');
    await Promise.all(Array.from({ length: 1_000 }, async () => await filling.jobs.submit(newJob())));
    await filling.stop();
    const before = await readRows(url);
    const claiming = openForTest(url);
    const model = { name: 'a', revision: 'b', engine: 'batched', dtype: 'fp32', fingerprint: 'c' };
    for (const fromClass of [0, 1] as const) {
      expect(await claiming.jobs.claim({ workerId: 'w', leaseMs: 60_000, model, fromClass })).not.toBeNull();
    }
    await claiming.stop();
    expect((await readRows(url)) - before).toBeLessThan(100);
  });

  it('gets neither a change nor its event when another change was first', async () => {
    const url = await emptyDatabase();
    const store = openForTest(url);
    await store.migrate();
    const { id } = await store.jobs.submit(newJob());
    const database = openDatabase({ url, logger: silentLogger });
    onTestFinished(async () => await database.close());
    const { db, dialect } = database;
    const row = await db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    const request = { row, change: cancelQueued(), actor: 'api' } as const;
    const change = async () => await applyChange({ db, dialect }, request);
    expect(await change()).toMatchObject({ status: 'canceled' });
    expect(await change()).toBeUndefined();
    expect(await execute(url, 'select seq, type from job_events order by seq')).toEqual([
      { seq: 1, type: 'job-queued' },
      { seq: 2, type: 'job-canceled' },
    ]);
  });

  it('that cannot be reached is an error in one line, without the password', async () => {
    const store = openForTest('postgres://user:secret@127.0.0.1:1/none');
    const failure: unknown = await store.requireReady().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'database_unavailable', cause: { code: 'ECONNREFUSED' } });
    expect(errorLine(failure)).not.toContain('secret');
  });
});
