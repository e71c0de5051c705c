/** The content of purged jobs is in no table, no index and no file of the database. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ClaimedDelivery, type NewJob, newId, type Outcome, type Store, webhookEvents } from '@prosemill/core';
import { createTestDatabase, createTestFolder, newJob, openSql, silentLogger } from '@prosemill/testkit';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openStore } from './index.ts';

interface World {
  readonly open: (clockOffsetMs?: number) => Store;
  /** Everything that the database has stored, once its stores are stopped. */
  readonly dump: () => Promise<string>;
  /** The files as they are while the store is open; empty where they belong to a server. */
  readonly files: () => string;
}

const worlds = {
  async SQLite(): Promise<World> {
    const folder = await createTestFolder();
    const files = () =>
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name), 'latin1'))
        .join('\n');
    return {
      open: (clockOffsetMs = 0) =>
        openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger, retentionDays: 1, clockOffsetMs }),
      dump: async () => files(),
      files,
    };
  },
  async Postgres(): Promise<World> {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    return {
      open: (clockOffsetMs = 0) => openStore({ url, logger: silentLogger, retentionDays: 1, clockOffsetMs }),
      dump: async () => await dumpPostgres(url),
      files: () => '',
    };
  },
} as const satisfies Record<string, () => Promise<World>>;

/** Every row of every table, as text, and the samples of values that Postgres keeps for its planner. */
async function dumpPostgres(url: string): Promise<string> {
  const sql = await openSql(url);
  onTestFinished(async () => await sql.close());
  await sql.execute('vacuum analyze');
  const tables = await sql.execute(
    `select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  const rows: unknown[] = [];
  for (const { name } of tables) rows.push(await sql.execute(`select t::text as row from "${String(name)}" t`));
  rows.push(
    await sql.execute(
      `select most_common_vals::text, histogram_bounds::text from pg_stats where schemaname = 'public'`,
    ),
  );
  return JSON.stringify(rows);
}

const mark = 'quokka';
const model = { name: 'a', revision: 'b', engine: 'batched', dtype: 'fp32', fingerprint: 'c' };
const text = { usage: { promptTokens: 4, completionTokens: 1 }, timeToFirstTokenMs: 1, generationMs: 2 };

/** A job with the mark in everything that a client sends or a model writes. */
const marked = (index: number, changes: Partial<NewJob> = {}): NewJob => {
  const job = newJob({ prompt: `${mark} ${index} `.repeat(1 + (index % 40)), isWatched: true });
  return {
    ...job,
    parameters: { ...job.parameters, stop: [`${mark} stops`] },
    metadata: { [`${mark} key`]: `${mark} value` },
    idempotency: { key: `${mark}-${job.id}`, requestHash: 'h' },
    webhook: index % 10 === 0 ? { url: `https://hooks.example/${mark}`, events: webhookEvents } : null,
    ...changes,
  };
};

const outcomes: readonly Outcome[] = [
  { type: 'succeeded', result: { ...text, completion: ` ${mark} was here.`, finishReason: 'length', modelName: 'a' } },
  {
    type: 'failed',
    error: { code: 'generation_failed', message: `${mark} fails` },
    partial: { ...text, completion: mark },
  },
  { type: 'succeeded', result: { ...text, completion: `${mark} `.repeat(300), finishReason: 'stop', modelName: 'a' } },
];

/** Submits and ends jobs, some of them streamed. @returns their ids */
async function endJobs({ jobs, texts }: Store, count: number, changes: Partial<NewJob> = {}): Promise<string[]> {
  await jobs.submitAll(Array.from({ length: count }, (_, index) => marked(index, changes)));
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const claimed = await jobs.claim({ workerId: newId(), model, leaseMs: 30_000, fromClass: 0 });
    const { id = '', attempt = 0 } = claimed?.job ?? {};
    await texts.append([{ id, attempt, offset: 0, text: ` ${mark} was`, tokens: 1 }]);
    await jobs.complete({ id, attempt }, outcomes[index % outcomes.length] ?? { type: 'released' });
    ids.push(id);
  }
  return ids;
}

const claimDeliveries = async ({ webhooks }: Store): Promise<readonly ClaimedDelivery[]> =>
  await webhooks.claimDue({
    leaseMs: 60_000,
    limit: 500,
    limits: { all: 1_000, perHost: 500, further: 500 },
    underWay: [],
    answeringHosts: new Set(['hooks.example']),
  });

/** Ends attempts with a redirect to the mark, after which the delivery is given up. */
async function endDeliveries({ webhooks }: Store, claimed: readonly ClaimedDelivery[]): Promise<void> {
  const outcome = {
    error: 'gone',
    statusCode: 410,
    location: `https://hooks.example/${mark}/2`,
    retryAfterMs: null,
    durationMs: 1,
  } as const;
  for (const delivery of claimed) expect(await webhooks.record(delivery, outcome)).toBe('failed');
}

const count = 300;

describe.each(Object.entries(worlds))('purged content in %s', (_, openWorld) => {
  it('is gone when its owner has deleted the jobs', async () => {
    const { open, dump, files } = await openWorld();
    const store = open();
    await store.migrate();
    const ids = await endJobs(store, count);
    const [first = ''] = ids;
    const [late, ...deliveries] = await claimDeliveries(store);
    await endDeliveries(store, deliveries);
    await store.jobs.submit(marked(0, { verifyOf: first }));
    const verification = await store.jobs.claim({ workerId: 'w', model, leaseMs: 30_000, fromClass: 0 });
    await store.jobs.complete({ id: verification?.job.id ?? '', attempt: 1 }, outcomes[0] ?? { type: 'released' });
    // Others stay, and new ones come in between, so that pages are split and merged.
    for (const id of ids.filter((_id, index) => index % 2 === 0))
      expect(await store.jobs.purge('local', id)).toBe('purged');
    const others = await endJobs(store, 50);
    for (const id of [...ids, ...others]) expect(await store.jobs.purge('local', id)).toBe('purged');
    await endDeliveries(store, late === undefined ? [] : [late]);
    await endDeliveries(store, await claimDeliveries(store));
    expect(files().includes(mark)).toBe(false);
    await store.stop();
    expect((await dump()).includes(mark)).toBe(false);
  });

  it('is gone when the time of the jobs is over', async () => {
    const { open, dump, files } = await openWorld();
    const store = open();
    await store.migrate();
    await endJobs(store, count);
    await endJobs(store, 10, { isStored: false });
    await endDeliveries(store, await claimDeliveries(store));
    await store.stop();
    // Takes samples of the texts, if any are taken.
    expect((await dump()).includes(mark)).toBe(true);
    const later = open(25 * 60 * 60_000);
    const purged: string[] = [];
    for (let batch: readonly string[] = ['']; batch.length > 0;)
      purged.push(...(batch = await later.jobs.purgeExpiredJobs(100)));
    expect(new Set(purged).size).toBe(count + 10);
    expect(files().includes(mark)).toBe(false);
    await later.stop();
    expect((await dump()).includes(mark)).toBe(false);
  });
});
