/** The migration of texts with their prompts, in old databases and from old processes, to completions. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, type Outcome } from '@prosemill/core';
import { createTestDatabase, newJob, silentLogger } from '@prosemill/testkit';
import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openDatabase } from '../open-database.ts';
import { openStore } from '../open-store.ts';
import { createMigrations } from './migrations.ts';

const databases = {
  async Postgres(): Promise<string> {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    return url;
  },
  async SQLite(): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'prosemill-completions-'));
    onTestFinished(async () => await rm(folder, { recursive: true }));
    return `sqlite:${join(folder, 'test.db')}`;
  },
} as const;

/** Code points, code units and bytes differ. */
const prompt = 'Łódź 東京 😀';
const texts = [' there was 👑', '', 'x'];
const model = { name: 'a', revision: 'b', engine: 'batched', dtype: 'fp32', fingerprint: 'c' };

/** A store with the schema of an older version. */
function openOld(url: string) {
  const database = openDatabase({ url, logger: silentLogger, clockOffsetMs: 0 });
  const { db, dialect } = database;
  const provider = { getMigrations: async () => createMigrations(dialect) };
  return {
    close: async () => await database.close(),
    execute: async (statement: string) => (await sql.raw<Record<string, unknown>>(statement).execute(db)).rows,
    async migrate(): Promise<void> {
      const { error } = await new Migrator({ db, provider }).migrateTo('0006-job-event-columns');
      if (error !== undefined) throw error;
    },
    async addJob(status: 'succeeded' | 'canceled', text: string): Promise<string> {
      const id = newId();
      const partialText = status === 'canceled' ? text : null;
      await sql`
        insert into jobs (id, owner_id, status, version, class, turn, prompt, parameters, seed, attempt, released_count,
          crash_count, max_attempts, dispatch_epoch, available_at, created_at, finished_at, finish_reason, partial_text)
        values (${id}, 'local', ${status}, 3, 1, 1, ${prompt}, '{}', 1, 1, 0, 0, 3, 0, ${dialect.now}, ${dialect.now},
          ${dialect.now}, 'length', ${partialText})`.execute(db);
      if (status === 'succeeded') await this.addRecord(id, text);
      return id;
    },
    async addRecord(jobId: string, text: string): Promise<void> {
      await sql`
        insert into generation_records (job_id, owner_id, prompt, generated_text, model_name, created_at)
        values (${jobId}, 'local', ${prompt}, ${text}, 'a', ${dialect.now})`.execute(db);
    },
  };
}

function openNew(url: string) {
  const store = openStore({ url, logger: silentLogger });
  onTestFinished(async () => await store.stop());
  return store;
}

async function fillOld(url: string): Promise<readonly string[]> {
  const old = openOld(url);
  await old.migrate();
  const ids: string[] = [];
  for (const text of texts) {
    for (const status of ['succeeded', 'canceled'] as const) ids.push(await old.addJob(status, prompt + text));
  }
  await old.close();
  return ids;
}

async function expectCompletions(url: string, ids: readonly string[]): Promise<void> {
  const store = openNew(url);
  await store.migrate();
  await store.requireReady();
  const jobs = await Promise.all(ids.map(async (id) => await store.jobs.find('local', id)));
  expect(jobs.map((job) => job?.output?.completion)).toEqual(texts.flatMap((text) => [text, text]));
  const { items } = await store.generations.list({ ownerId: 'local', after: null, limit: 10 });
  expect(items.map(({ completion }) => completion).toSorted()).toEqual(texts.toSorted());
  await store.stop();
}

describe.each(Object.entries(databases))('old texts on %s', (name, createDatabase) => {
  it('become completions', async () => {
    const url = await createDatabase();
    const ids = await fillOld(url);
    await expectCompletions(url, ids);
  });

  it('become completions once, when the migration is interrupted and repeated', async () => {
    const url = await createDatabase();
    const ids = await fillOld(url);
    const old = openOld(url);
    for (const statement of failingUpdates[name as keyof typeof databases]) await old.execute(statement);
    await old.close();
    const store = openNew(url);
    await expect(store.migrate()).rejects.toThrow('interrupted');
    await store.stop();
    const operator = openOld(url);
    const [last] = await operator.execute('select name from kysely_migration order by name desc limit 1');
    expect(last).toEqual({ name: '0007-completion-columns' });
    await operator.execute(`drop trigger interrupted${name === 'Postgres' ? ' on generation_records' : ''}`);
    await operator.close();
    await expectCompletions(url, ids);
  });
});

const failingUpdates: Readonly<Record<keyof typeof databases, readonly string[]>> = {
  Postgres: [
    `create function interrupted() returns trigger language plpgsql as $$
      begin raise exception 'interrupted'; end $$`,
    'create trigger interrupted before update on generation_records for each row execute function interrupted()',
  ],
  SQLite: [
    `create trigger interrupted before update on generation_records begin select raise(abort, 'interrupted'); end`,
  ],
};

describe('a Postgres database of two versions', () => {
  it('has the texts of each in the columns of both', async () => {
    const url = await databases.Postgres();
    const store = openNew(url);
    await store.migrate();
    const old = openOld(url);
    onTestFinished(async () => await old.close());
    const claims = [];
    for (let index = 0; index < 4; index += 1) {
      await store.jobs.submit(newJob({ prompt }));
      const claimed = await store.jobs.claim({ workerId: 'w', leaseMs: 60_000, model, fromClass: 0 });
      if (claimed === null) throw new Error('Nothing to claim.');
      claims.push(claimed.job);
    }
    const [succeeded, canceled, oldSucceeded, oldCanceled] = claims.map(({ id }) => id);
    const part = {
      completion: ' of the new',
      usage: { promptTokens: 1, completionTokens: 1 },
      timeToFirstTokenMs: 1,
      generationMs: 1,
    };
    const outcomes: readonly Outcome[] = [
      { type: 'succeeded', result: { ...part, finishReason: 'length', modelName: 'a' } },
      { type: 'failed', error: { code: 'deadline_exceeded', message: '' }, partial: part },
    ];
    for (const [index, outcome] of outcomes.entries()) {
      const { id = '', attempt = 0 } = claims[index] ?? {};
      await store.jobs.complete({ id, attempt }, outcome);
    }
    await old.addRecord(oldSucceeded ?? '', `${prompt} of the old`);
    for (const [id, text] of [
      [oldSucceeded, 'null'],
      [oldCanceled, `'${prompt} of the old'`],
    ]) {
      await old.execute(`update jobs set status = 'canceled', version = 3, lease_until = null, worker_id = null,
        finished_at = now(), finish_reason = 'canceled', partial_text = ${text} where id = '${id}'`);
    }

    const completions = claims.map(async ({ id }) => (await store.jobs.find('local', id))?.output?.completion);
    expect(await Promise.all(completions)).toEqual([' of the new', ' of the new', ' of the old', ' of the old']);
    const oldRows = await old.execute(`
      select jobs.id, coalesce(generated_text, partial_text) as text
        from jobs left join generation_records on job_id = jobs.id`);
    expect(new Map(oldRows.map(({ id, text }) => [id, text]))).toEqual(
      new Map([
        [succeeded, `${prompt} of the new`],
        [canceled, `${prompt} of the new`],
        [oldSucceeded, `${prompt} of the old`],
        [oldCanceled, `${prompt} of the old`],
      ]),
    );
  });

  it('is filled in batches, and an operator may have begun', async () => {
    const url = await databases.Postgres();
    const old = openOld(url);
    onTestFinished(async () => await old.close());
    await old.migrate();
    for (const text of texts) {
      await old.addJob('succeeded', prompt + text);
      await old.execute(`select setval(pg_get_serial_sequence('generation_records', 'id'),
        (select max(id) + 60000 from generation_records))`);
    }
    const store = openNew(url);
    await store.migrate();
    await old.execute(`update generation_records set completion = null where id > 1`);
    await old.execute(`delete from kysely_migration where name >= '0008-completions'`);
    await store.migrate();
    const { items } = await store.generations.list({ ownerId: 'local', after: null, limit: 10 });
    expect(items.map(({ completion }) => completion).toSorted()).toEqual(texts.toSorted());
  });
});
