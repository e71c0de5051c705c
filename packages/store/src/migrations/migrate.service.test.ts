/** Schemas that are missing, older, newer, damaged or another program's, on both databases. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, newId, type Store } from '@prosemill/core';
import { createTestDatabase, newJob, openSql, silentLogger } from '@prosemill/testkit';
import BetterSqlite from 'better-sqlite3';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openStore } from '../index.ts';

interface World {
  /** Opens a new store. SQLite has one at a time. */
  readonly open: () => Promise<Store>;
  readonly execute: (statement: string) => Promise<unknown>;
  readonly warnings: readonly string[];
}

const databases = {
  async Postgres(): Promise<World> {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    const sql = await openSql(url);
    onTestFinished(async () => await sql.close());
    return { ...openWorld(url), execute: sql.execute };
  },
  async SQLite(): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'prosemill-schema-'));
    onTestFinished(async () => await rm(folder, { recursive: true }));
    const path = join(folder, 'test.db');
    const { open, warnings } = openWorld(`sqlite:${path}`);
    let store: Store | null = null;
    return {
      warnings,
      async open() {
        await store?.stop();
        return (store = await open());
      },
      async execute(statement) {
        await store?.stop();
        const file = new BetterSqlite(path);
        file.exec(statement);
        file.close();
      },
    };
  },
} as const satisfies Record<string, () => Promise<World>>;

function openWorld(url: string): Pick<World, 'open' | 'warnings'> {
  const warnings: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (_fields: object, message: string) => void warnings.push(message),
    child: () => logger,
  };
  return {
    warnings,
    async open() {
      const store = openStore({ url, logger });
      onTestFinished(async () => await store.stop());
      return store;
    },
  };
}

const model = { name: 'a', revision: 'b', engine: 'batched', dtype: 'fp32', fingerprint: 'c' };

/** Calls of the API and of workers that read or write every table. */
const calls: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  submit: async ({ jobs }) => await jobs.submit(newJob()),
  'submit with a key': async ({ jobs }) => await jobs.submit(newJob({ idempotency: { key: 'k', requestHash: 'h' } })),
  find: async ({ jobs }) => await jobs.find('local', newId()),
  list: async ({ jobs }) =>
    await jobs.list({
      ownerId: 'local',
      after: null,
      limit: 10,
    }),
  versions: async ({ jobs }) => await jobs.versions([newId()]),
  cancel: async ({ jobs }) => await jobs.requestCancel('local', newId()),
  claim: async ({ jobs }) => await jobs.claim({ workerId: 'w', leaseMs: 1_000, model, fromClass: 0 }),
  renew: async ({ jobs }) => await jobs.renew({ id: newId(), attempt: 1 }, 1_000),
  rescue: async ({ jobs }) => await jobs.rescueLostJobs(10),
  measure: async ({ jobs }) => await jobs.measureQueue(),
  pause: async ({ jobs }) => await jobs.pause({ ownerId: 'local', key: null }),
  history: async ({ generations }) => await generations.list({ ownerId: 'local', after: null, limit: 10 }),
  'expired links': async ({ exportLinks }) => await exportLinks.deleteExpired(),
  watch: async ({ texts }) => await texts.watch([newId()]),
  'append text': async ({ texts }) =>
    await texts.append([{ id: newId(), attempt: 1, offset: 0, text: 'a', tokens: 1 }]),
  'read text': async ({ texts }) => await texts.read([{ id: newId(), attempt: 1, offset: 0 }]),
  'sweep text': async ({ texts }) => await texts.sweep(10),
  workers: async ({ workers }) => await workers.listLive(1_000),
  trace: async ({ measures }) => await measures.trace({ seconds: 10, tokensPerSecond: 1 }),
  tallies: async ({ measures }) => await measures.sumTallies(1_000),
  keys: async ({ apiKeys }) => await apiKeys.list({ after: null, limit: 10 }),
};

const outdated = expect.objectContaining({
  code: 'database_unavailable',
  message: 'The schema is missing or older than this version; run pnpm migrate.',
});

const failureOf = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(
    () => null,
    (error: unknown) => error,
  );

describe.each(Object.entries(databases))('a schema of %s', (_, openDatabase) => {
  it('that is missing is an outage for every call, until it is made', async () => {
    const { open } = await openDatabase();
    const store = await open();
    for (const [name, call] of Object.entries(calls))
      expect([name, await failureOf(call(store))]).toEqual([name, outdated]);
    await expect(store.requireReady()).rejects.toThrow('The schema is missing; run pnpm migrate.');
    await store.migrate();
    for (const [name, call] of Object.entries(calls))
      expect([name, await failureOf(call(store))]).toEqual([name, null]);
    await expect(store.requireReady()).resolves.toBeUndefined();
  });

  it('that is older says which migrations it lacks', async () => {
    const { open, execute } = await openDatabase();
    await (await open()).migrate();
    await execute(`drop table queue_pause; delete from kysely_migration where name >= '0005'`);
    const store = await open();
    await expect(store.requireReady()).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringMatching(/^The schema is older than this version \(missing: 0005-queue-pause, /),
    });
    expect(await failureOf(store.jobs.measureQueue())).toBeNull();
    expect(await failureOf(store.jobs.readPause())).toEqual(outdated);
  });

  it('that lost a table or a column is an outage, and is not ready', async () => {
    const { open, execute } = await openDatabase();
    await (await open()).migrate();
    await execute('alter table jobs drop column traceparent; drop table api_keys');
    const store = await open();
    expect(await failureOf(store.jobs.submit(newJob()))).toEqual(outdated);
    expect(await failureOf(store.apiKeys.list({ after: null, limit: 10 }))).toEqual(outdated);
    await expect(store.requireReady()).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringMatching(/it lacks (?:jobs\.traceparent, api_keys|api_keys, jobs\.traceparent)\.$/),
    });
  });

  it('of a newer version works, stays unchanged, and is logged', async () => {
    const { open, execute, warnings } = await openDatabase();
    await (await open()).migrate();
    await execute(
      `insert into kysely_migration values ('0098-b', '2999-01-01T00:00:00.000Z'), ('0099-a', '2998-01-01T00:00:00.000Z');
       alter table jobs add column colour text; create table ideas (id text)`,
    );
    const store = await open();
    await store.migrate();
    expect(warnings).toEqual(['the schema was made by a newer version of Prosemill: nothing to do']);
    await store.requireReady();
    expect(await store.jobs.submit(newJob())).toMatchObject({ status: 'queued' });
  });

  it.each([
    [
      'migrations',
      `create table kysely_migration (name text primary key, timestamp text);
      insert into kysely_migration values ('2020_users', '2020-01-01T00:00:00.000Z')`,
      /has migrations of another program \(2020_users\)/,
    ],
    [
      'tables',
      'create table jobs (id integer); create table users (id integer)',
      /has tables that Prosemill's migrations did not make: jobs\. Give/,
    ],
  ])('with %s of another program is refused in words, and not changed', async (_what, statements, words) => {
    const { open, execute } = await openDatabase();
    await execute(statements);
    const store = await open();
    const failure = await failureOf(store.migrate());
    expect(failure).toBeInstanceOf(ConfigError);
    expect(String(failure)).toMatch(words);
    await expect(store.requireReady()).rejects.toMatchObject({ code: 'database_unavailable' });
  });
});

describe('a schema of SQLite', () => {
  it('may store texts in UTF-16', async () => {
    const { open, execute } = await databases.SQLite();
    await execute(`pragma encoding = 'UTF-16le'; create table notes (note text)`);
    const store = await open();
    await store.migrate();
    const prompt = 'Łódź 東京 😀';
    const { id } = await store.jobs.submit(newJob({ prompt }));
    expect(await store.jobs.find('local', id)).toMatchObject({ prompt });
  });
});

/** A database, and its URL with another search_path. */
async function postgresWithSchemas(...names: readonly string[]) {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  const sql = await openSql(url);
  onTestFinished(async () => await sql.close());
  for (const name of names) await sql.execute(`create schema "${name}"`);
  const open = async (searchPath: string): Promise<Store> => {
    const withPath = new URL(url);
    withPath.searchParams.set('options', `-c search_path=${searchPath}`);
    return await openWorld(withPath.href).open();
  };
  return { open, execute: sql.execute };
}

describe('schemas of one Postgres database', () => {
  it('hold one installation each', async () => {
    const { open } = await postgresWithSchemas('second', 'Third one');
    const stores = await Promise.all(['public', 'second', '"Third\\ one"'].map(open));
    await Promise.all(stores.map((store) => store.migrate()));
    for (const [index, store] of stores.entries()) {
      await store.requireReady();
      for (let job = 0; job <= index; job += 1) await store.jobs.submit(newJob());
    }
    expect(await Promise.all(stores.map(async ({ jobs }) => (await jobs.measureQueue()).queued))).toEqual([1, 2, 3]);
  });

  it("may be another program's, even one with migrations of Kysely", async () => {
    const { open, execute } = await postgresWithSchemas('ours');
    await execute('create table public.kysely_migration (name text, timestamp text)');
    await execute('create table public.kysely_migration_lock (id text)');
    await execute('create table public.jobs (id integer)');
    const store = await open('ours');
    await store.migrate();
    await store.requireReady();
    expect(await store.jobs.submit(newJob())).toMatchObject({ status: 'queued' });
  });

  it('are not mixed: an empty schema before one that is in use is refused with the reason', async () => {
    const { open } = await postgresWithSchemas('second');
    await (await open('public')).migrate();
    const store = await open('second,public');
    expect(String(await failureOf(store.migrate()))).toMatch(
      /search_path begins with the schema second, and .* in public/,
    );
  });

  it('may be hidden or forbidden: an outage with the reason', async () => {
    const { open, execute } = await postgresWithSchemas('second');
    await (await open('second')).migrate();
    const [hidden, nowhere] = [await open('public'), await open('nowhere')];
    await expect(hidden.requireReady()).rejects.toThrow('The schema is missing; run pnpm migrate.');
    expect(await failureOf(hidden.jobs.measureQueue())).toEqual(outdated);
    await expect(nowhere.requireReady()).rejects.toThrow(/search_path/);
    await execute('alter schema second rename to nowhere');
    await expect(nowhere.requireReady()).resolves.toBeUndefined();
  });
});

describe('a Postgres database that is not UTF8', () => {
  it.each(['SQL_ASCII', 'LATIN1'])('is refused with the reason (%s)', async (encoding) => {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'), { encoding });
    onTestFinished(drop);
    const store = await openWorld(url).open();
    for (const failure of await Promise.all([store.migrate(), store.requireReady()].map(failureOf))) {
      expect(failure).toBeInstanceOf(ConfigError);
      expect(String(failure)).toMatch(new RegExp(`DATABASE_URL: .* encoding ${encoding}, .* encoding 'UTF8'`));
    }
  });
});
