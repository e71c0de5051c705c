/** A Postgres server that crashes, hangs, ends connections or becomes read-only. */
import { newId, type Store } from '@prosemill/core';
import { launchPostgres, newJob, startTcpProxy, type TcpProxy } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { emptyDatabase, execute, openClient, openForTest } from './test-postgres.ts';

/** A store whose connections go through a proxy. */
async function openThroughProxy(): Promise<{ url: string; proxy: TcpProxy; store: Store }> {
  const url = await emptyDatabase();
  const proxy = await startTcpProxy(url);
  onTestFinished(async () => await proxy.stop());
  const store = openForTest(proxy.url);
  await store.migrate();
  return { url, proxy, store };
}

/** Opens several connections, by concurrent statements, and leaves them idle. */
const useConnections = async ({ jobs }: Store): Promise<unknown> =>
  await Promise.all(Array.from({ length: 5 }, () => jobs.measureQueue()));

const unavailable: unknown = expect.objectContaining({ code: 'database_unavailable' });

const terminateOthers =
  'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()';

describe('a Postgres server', () => {
  it('may end its connections: the next statement works again', async () => {
    const url = await emptyDatabase();
    const store = openForTest(url);
    await store.migrate();
    await execute(url, terminateOthers);
    await expect
      .poll(async () => await store.jobs.measureQueue().catch(() => null))
      .toMatchObject({ queued: 0, running: 0 });
  });

  it('may end its connections in the middle of transactions: only these fail', async () => {
    const url = await emptyDatabase();
    const store = openForTest(url);
    await store.migrate();
    const transactions = Array.from({ length: 300 }, async () => await store.jobs.requestCancel('local', newId()));
    const ended = Promise.allSettled(transactions);
    for (let round = 0; round < 10; round += 1) await execute(url, terminateOthers);
    const failures = (await ended).filter((settled) => settled.status === 'rejected');
    for (const { reason } of failures) expect(reason).toMatchObject({ code: 'database_unavailable' });
    await expect
      .poll(async () => await store.jobs.measureQueue().catch(() => null))
      .toMatchObject({ queued: 0, running: 0 });
  });

  it('takes the lock of submits from a process that hangs in its transaction', async () => {
    const url = await emptyDatabase();
    const proxy = await startTcpProxy(url);
    onTestFinished(async () => await proxy.stop());
    const [hanging, other] = [openForTest(proxy.url), openForTest(url)];
    await other.migrate();
    proxy.setLatency({ toServerMs: 0, toClientMs: 300 });
    const hung = hanging.jobs.submit(newJob()).catch((error: unknown) => error);
    const heldLocks = `select 1 from pg_locks join pg_database on pg_database.oid = database
      where locktype = 'advisory' and granted and datname = current_database()`;
    await expect.poll(async () => (await execute(url, heldLocks)).length, { interval: 20 }).toBe(1);
    proxy.blackHole();
    expect(await other.jobs.submit(newJob())).toMatchObject({ status: 'queued' });
    await proxy.stop();
    expect(await hung).toMatchObject({ code: 'database_unavailable' });
    expect(await other.jobs.measureQueue()).toMatchObject({ queued: 1, running: 0 });
  });

  it('loses a renewal within a third of its lease to connections that died silently, and none after it', async () => {
    const { proxy, store } = await openThroughProxy();
    await useConnections(store);
    proxy.swallow();
    const leaseMs = 6_000;
    const renew = async () => await store.jobs.renew({ id: newId(), attempt: 1 }, leaseMs);
    const begin = performance.now();
    await expect(renew()).rejects.toThrow(unavailable);
    expect(performance.now() - begin).toBeLessThan(leaseMs / 3);
    expect(await renew()).toBeNull();
    // The other dead connections cost no further time.
    await useConnections(store);
    expect(performance.now() - begin).toBeLessThan(leaseMs);
  });

  it('answers again after transactions on connections that died silently', { timeout: 40_000 }, async () => {
    const { proxy, store } = await openThroughProxy();
    await useConnections(store);
    proxy.swallow();
    const begin = performance.now();
    const hourMs = 3_600_000;
    const failures = await Promise.all(
      [store.jobs.submit(newJob()), store.jobs.renew({ id: newId(), attempt: 1 }, hourMs)].map(
        async (hung: Promise<unknown>) => await hung.catch((error: unknown) => error),
      ),
    );
    expect(failures).toEqual([unavailable, unavailable]);
    expect(await store.jobs.submit(newJob())).toMatchObject({ status: 'queued' });
    expect(performance.now() - begin).toBeLessThan(15_000);
  });

  it('does not delay a stop when it hangs: waiting calls fail', async () => {
    const { url, proxy, store } = await openThroughProxy();
    const locker = await openClient(url);
    await locker.query('begin; lock table jobs in access exclusive mode');
    const hung = store.jobs.measureQueue().catch((error: unknown) => error);
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await expect.poll(async () => (await execute(url, waiting)).length).toBe(1);
    proxy.swallow();
    const begin = performance.now();
    await store.stop();
    await store.stop();
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(await hung).toEqual(unavailable);
  });

  it('may become read-only for open connections: new ones replace them', async () => {
    const url = await emptyDatabase();
    const store = openForTest(url);
    await store.migrate();
    await useConnections(store);
    // Imitates a demoted primary: each session that is open now gets the code of a read-only server.
    await execute(
      url,
      `create table demoted as select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid();
      create function refuse() returns trigger language plpgsql as $$ begin
        if exists (select from demoted where pid = pg_backend_pid()) then
          raise 'cannot execute INSERT in a read-only transaction' using errcode = 'read_only_sql_transaction';
        end if;
        return new;
      end $$;
      create trigger refuse before insert on jobs for each row execute function refuse()`,
    );
    await expect(store.jobs.submit(newJob())).rejects.toThrow(unavailable);
    expect(await store.jobs.submit(newJob())).toMatchObject({ status: 'queued' });
  });

  it('may crash and come back', async () => {
    const server = await launchPostgres();
    onTestFinished(async () => await server.stop());
    const store = openForTest(server.url);
    await store.migrate();
    await server.crash();
    await expect(store.jobs.find('local', newId())).rejects.toThrow(
      expect.objectContaining({ code: 'database_unavailable', retryable: true }),
    );
    await server.restart();
    await expect.poll(async () => await store.jobs.find('local', newId()).catch(() => 'away')).toBeNull();
  });
});
