import { errorLine, newId, type NewJob, type Store } from '@prosemill/core';
import {
  createTestDatabase,
  describeStoreConformance,
  launchPostgres,
  silentLogger,
  startTcpProxy,
} from '@prosemill/testkit';
import { Client } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openStore } from './index.ts';

async function execute(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

describeStoreConformance('Postgres', async () => {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  const open = (clockOffsetMs: number) => openStore({ url, logger: silentLogger, clockOffsetMs });
  let stores = [open(0), open(0)] as const;
  await stores[0].migrate();
  return {
    get store() {
      return stores[0];
    },
    get others() {
      return [stores[1]];
    },
    async travel(offsetMs) {
      await Promise.all(stores.map((store) => store.stop()));
      stores = [open(offsetMs), open(offsetMs)];
    },
    execute: async (statement) => await execute(url, statement),
    async close() {
      await Promise.all(stores.map((store) => store.stop()));
      await drop();
    },
  };
});

async function emptyDatabase(): Promise<string> {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  return url;
}

function openForTest(url: string): Store {
  const store = openStore({ url, logger: silentLogger });
  onTestFinished(async () => await store.stop());
  return store;
}

const newJob = (): NewJob => ({
  id: newId(),
  ownerId: 'local',
  priorityClass: 1,
  prompt: 'a',
  parameters: { maxLength: null, maxNewTokens: 1, temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1, stop: [] },
  seed: 1,
  maxAttempts: 3,
  deadlineMs: null,
});

const terminateOthers =
  'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()';

describe('a Postgres server', () => {
  it('can be migrated by several processes at once', async () => {
    const url = await emptyDatabase();
    const stores = Array.from({ length: 4 }, () => openForTest(url));
    await Promise.all(stores.map((store) => store.migrate()));
    await expect(Promise.all(stores.map((store) => store.requireReady()))).resolves.toHaveLength(4);
  });

  it('may end its connections: the next statement works again', async () => {
    const url = await emptyDatabase();
    const store = openForTest(url);
    await store.migrate();
    await execute(url, terminateOthers);
    await expect.poll(async () => await store.jobs.countOpen().catch(() => null)).toEqual({ queued: 0, running: 0 });
  });

  it('may end its connections in the middle of transactions: they fail, and nothing else does', async () => {
    const url = await emptyDatabase();
    const store = openForTest(url);
    await store.migrate();
    const transactions = Array.from({ length: 300 }, async () => await store.jobs.requestCancel('local', newId()));
    const ended = Promise.allSettled(transactions);
    for (let round = 0; round < 10; round += 1) await execute(url, terminateOthers);
    const failures = (await ended).filter((settled) => settled.status === 'rejected');
    for (const { reason } of failures) expect(reason).toMatchObject({ code: 'database_unavailable' });
    await expect.poll(async () => await store.jobs.countOpen().catch(() => null)).toEqual({ queued: 0, running: 0 });
  });

  it('takes the lock of all submits from a process that hangs in its transaction', async () => {
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
    expect(await other.jobs.countOpen()).toEqual({ queued: 1, running: 0 });
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

  it('gives the reason in one line when it is not there, and keeps the password to itself', async () => {
    const store = openForTest('postgres://user:secret@127.0.0.1:1/none');
    const failure: unknown = await store.requireReady().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'database_unavailable', cause: { code: 'ECONNREFUSED' } });
    expect(errorLine(failure)).not.toContain('secret');
  });
});
