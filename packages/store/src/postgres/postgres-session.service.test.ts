/** Sessions on databases with unexpected settings. */
import { newId, type Store } from '@prosemill/core';
import { createTestDatabase, newJob, openSql, silentLogger } from '@prosemill/testkit';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openStore } from '../index.ts';

/** A migrated database, and a connection to it without these settings. */
async function openWith(settings: readonly string[]) {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  const sql = await openSql(url);
  onTestFinished(async () => await sql.close());
  const name = new URL(url).pathname.slice(1);
  for (const setting of settings) await sql.execute(`alter database ${name} set ${setting}`);
  const store: Store = openStore({ url, logger: silentLogger });
  onTestFinished(async () => await store.stop());
  await expect.poll(async () => await store.migrate().then(() => 'done', String)).toBe('done');
  return { store, url, sql };
}

const hostile = [
  `datestyle = 'German, DMY'`,
  `intervalstyle = 'sql_standard'`,
  `timezone = 'Asia/Kathmandu'`,
  `client_encoding = 'LATIN1'`,
  `standard_conforming_strings = off`,
  `bytea_output = 'escape'`,
  `extra_float_digits = -15`,
  `default_transaction_isolation = 'serializable'`,
  `default_transaction_read_only = on`,
  `default_transaction_deferrable = on`,
  `idle_in_transaction_session_timeout = '1ms'`,
  `lock_timeout = '1ms'`,
  `exit_on_error = on`,
  `transform_null_equals = on`,
  `row_security = off`,
  `xmloption = 'document'`,
  `lc_messages = 'C'`,
  `synchronous_commit = off`,
];

const prompt = 'Łódź 東京 😀';
const model = { name: 'a', revision: 'b', engine: 'batched', dtype: 'fp32', fingerprint: 'c' };
const lease = { workerId: 'w', leaseMs: 60_000, model, fromClass: 0 } as const;
const result = {
  completion: prompt,
  finishReason: 'length',
  modelName: 'a',
  usage: { promptTokens: 1, completionTokens: 2 },
  timeToFirstTokenMs: 1_234.567_891,
  generationMs: 98_765.432_1,
} as const;

/** True for a time within a minute of this machine's clock, which the server shares. */
const isNow = (time: Date | null | undefined): boolean => Math.abs((time?.getTime() ?? 0) - Date.now()) < 60_000;

/** Takes a job and a key through all of their steps. */
async function useAll({ jobs, generations, apiKeys }: Store): Promise<void> {
  const submitted = await Promise.all(Array.from({ length: 20 }, () => jobs.submit(newJob({ prompt }))));
  const claims = await Promise.all(submitted.map(() => jobs.claim(lease)));
  expect(new Set(claims.map((claimed) => claimed?.job.id)).size).toBe(20);
  for (const claimed of claims) {
    expect(claimed?.waitedMs).toBeLessThan(60_000);
    expect(isNow(claimed?.job.startedAt)).toBe(true);
  }
  const [first] = claims;
  if (first == null) throw new TypeError('A claim found nothing.');
  await Promise.all(claims.map(async (claimed) => await jobs.renew(claimed?.job ?? first.job, 60_000)));
  await jobs.requestCancel('local', first.job.id);
  expect(await jobs.renew(first.job, 60_000)).toMatchObject({ cancelRequested: true });
  const ended = claims.map(
    async (claimed) => await jobs.complete(claimed?.job ?? first.job, { type: 'succeeded', result }),
  );
  expect(new Set(await Promise.all(ended))).toEqual(new Set(['applied']));
  const found = await jobs.find('local', first.job.id);
  expect(found).toMatchObject({ prompt, timeToFirstTokenMs: 1_234.567_891, generationMs: 98_765.432_1 });
  expect([found?.createdAt, found?.finishedAt, found?.cancelRequestedAt].every(isNow)).toBe(true);
  const { items } = await generations.list({ ownerId: 'local', after: null, limit: 100 });
  expect(items.map((item) => [item.completion, isNow(item.createdAt)])).toEqual(claims.map(() => [prompt, true]));
  const key = { id: newId(), ownerId: 'a', name: 'b', hash: 'c', prefix: 'd', scopes: [], expiresInMs: 3_600_000 };
  const created = await apiKeys.create(key);
  expect((created.expiresAt?.getTime() ?? 0) - created.createdAt.getTime()).toBe(3_600_000);
  const { remainingMs = 0 } = (await apiKeys.findValid('c')) ?? {};
  expect(Math.abs((remainingMs ?? 0) - 3_600_000)).toBeLessThan(60_000);
}

describe('a database', () => {
  it('may give its statements a millisecond', async () => {
    const { store } = await openWith([`statement_timeout = '1ms'`, `lock_timeout = '1ms'`]);
    const submit = async (): Promise<string> => await store.jobs.submit(newJob()).then(() => 'stored', String);
    await expect.poll(submit).toBe('stored');
  });

  it('may have settings that change how other programs read and write values', async () => {
    const { store } = await openWith(hostile);
    await useAll(store);
    expect(await store.jobs.measureQueue()).toMatchObject({ queued: 0, running: 0 });
  });

  it.each(['ISO, DMY', 'SQL, DMY', 'Postgres, MDY', 'German'])('may have the DateStyle %s', async (style) => {
    const { store } = await openWith([`datestyle = '${style}'`, `timezone = 'America/St_Johns'`]);
    const { createdAt } = await store.jobs.submit(newJob());
    expect(isNow(createdAt)).toBe(true);
    const createdBefore = new Date(createdAt.getTime() + 1);
    const query = { ownerId: 'local', createdAfter: createdAt, createdBefore, after: null, limit: 10 };
    expect((await store.jobs.list(query)).items).toMatchObject([{ createdAt }]);
  });

  it.each(['statement_timeout', 'lock_timeout'])('may have a short %s, which the store overrides', async (name) => {
    const { store, url, sql } = await openWith([`${name} = '20ms'`]);
    const locker = await openSql(url);
    onTestFinished(async () => await locker.close());
    for (const statement of ['set statement_timeout = 0', 'begin', 'lock table jobs in access exclusive mode']) {
      await locker.execute(statement);
    }
    const submitted = store.jobs.submit(newJob());
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
      and clock_timestamp() - query_start > interval '200 milliseconds'`;
    await expect.poll(async () => await sql.execute(waiting), { interval: 20 }).toHaveLength(1);
    await locker.execute('commit');
    expect(await submitted).toMatchObject({ status: 'queued' });
  });
});
