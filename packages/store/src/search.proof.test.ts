/**
 * A search among a million jobs reads the jobs that have its terms, and no others, whatever the words and filters. An
 * export reads a bounded part of the others. The times are printed.
 */
import { join } from 'node:path';
import type { ExportQuery, GenerationStore, JobQuery, JobStore } from '@prosemill/core';
import { createTestDatabase, createTestFolder, openSql, silentLogger } from '@prosemill/testkit';
import Database from 'better-sqlite3';
import { CompiledQuery, type KyselyPlugin } from 'kysely';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createGenerationStore } from './generations.ts';
import { openStore } from './index.ts';
import { createJobStore } from './jobs/job-store.ts';
import { openDatabase } from './open-database.ts';
import { encodeOwner, encodePair, encodePhrase } from './search/encode-terms.ts';

const count = 1_000_000;
/** One job of this many has each rare word, a rare pair of words, or a rare phrase. */
const rareEvery = 10_000;
/** The oldest jobs, which have the word "old": more than a search reads by the index. */
const oldJobs = 3_000;
/** The oldest jobs, which have texts in the history. */
const textJobs = 50_000;
const limitMs = 600_000;
const turns = 5;
/** A hundred matches, each several times, and a sample. */
const maxRowsRead = 3_000;
/** The newest ten thousand texts with the terms of their jobs, and all old texts, each several times. */
const maxTextRowsRead = 150_000;

const rareJobs = `n % ${rareEvery} = 0`;
const isBob = `n % 10 = 5`;
/** The terms of jobs in the order of their positions, with the condition on the number of the job. */
const termsOfJobs: readonly (readonly [term: string, condition: string])[] = [
  ...(
    [
      ['京', 'n % 2000 = 500'],
      // In a hundred jobs of bob, and in every job of local.
      ['common', `not ${isBob} or n % ${rareEvery} = 5`],
      ['rare', rareJobs],
      ['old', `n <= ${oldJobs}`],
      ['even', 'n % 2 = 0'],
      ['odd', `n % 2 = 1 or ${rareJobs}`],
      ['東', 'n % 20 = 0'],
      ['京', `n % 20 = 10 or ${rareJobs}`],
    ] as const
  ).map(([word, condition]) => [encodePhrase([word])[0] ?? '', condition] as const),
  [encodePair('customer', '4711'), rareJobs],
  [encodePair('team', 'a'), 'n > 0'],
  [encodeOwner('bob'), isBob],
  [encodeOwner('local'), `not ${isBob}`],
];

/** The columns of a job that has ended; `n` counts from 1, the oldest. */
const columns = `id, owner_id, status, version, class, turn, prompt, parameters, seed, attempt, released_count, crash_count,
  max_attempts, dispatch_epoch, available_at, created_at, started_at, finished_at`;
const values = (id: string, time: string) =>
  `${id}, case when ${isBob} then 'bob' else 'local' end, 'succeeded', 3, 1, n, 'common', '{}', n, 1, 0, 0, 3, 0,
    ${time}, ${time}, ${time}, ${time}`;
const insertTexts = (id: string, time: string) =>
  `insert into generation_records (job_id, owner_id, prompt, completion, model_name, created_at)
    select ${id}, case when ${isBob} then 'bob' else 'local' end, 'common', '', 'm', ${time}`;
/** The terms of job `n` as the text of a column. */
const termsOfJob = (write: (term: string, position: number) => string) =>
  termsOfJobs
    .map(([term, condition], index) => `case when ${condition} then '${write(term, index + 1)} ' else '' end`)
    .join(' || ');

interface World {
  readonly url: string;
  /** The rows that a statement reads by its plan, or the pages. */
  readonly readBy: (plan: readonly Record<string, unknown>[], statement: string) => number;
  readonly explain: string;
}

const worlds = {
  async SQLite(): Promise<World> {
    const path = join(await createTestFolder(), 'test.db');
    const url = `sqlite:${path}`;
    await migrate(url);
    const file = new Database(path);
    file.pragma('synchronous = off');
    file.pragma('foreign_keys = off');
    const numbers = `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})`;
    const id = `printf('00000000-0000-7000-8000-%012x', n)`;
    file.exec('drop trigger queue_search_new');
    file.exec(`${numbers} insert into jobs (${columns}) select ${values(id, '1700000000000 + n')} from numbers`);
    file.exec(`${numbers} ${insertTexts(id, '1700000000000 + n')} from numbers where n <= ${textJobs}`);
    file.exec(`${numbers} insert into job_search (job_id, version, terms)
      select ${id}, 3, ${termsOfJob((term) => term)} from numbers`);
    file.close();
    return { url, explain: 'explain query plan', readBy: readBySqlite };
  },
  async Postgres(): Promise<World> {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    await migrate(url);
    const sql = await openSql(url);
    const id = `('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`;
    const time = `timestamptz '2026-01-01' + n * interval '1 second'`;
    const numbers = `generate_series(1, ${count}) as n`;
    await sql.execute('alter table jobs disable trigger queue_search_new');
    await sql.execute(`insert into jobs (${columns}) select ${values(id, time)} from ${numbers}`);
    await sql.execute(`insert into job_search (job_id, version, terms) select ${id}, 3,
      cast(${termsOfJob((term, position) => `${term}:${position}`)} as tsvector) from ${numbers}`);
    await sql.execute(`${insertTexts(id, time)} from ${numbers} where n <= ${textJobs}`);
    await sql.execute('vacuum analyze');
    await sql.close();
    return { url, explain: 'explain (analyze, buffers, format json)', readBy: readByPostgres };
  },
} as const satisfies Record<string, () => Promise<World>>;

async function migrate(url: string): Promise<void> {
  const store = openStore({ url, logger: silentLogger });
  await store.migrate();
  await store.stop();
}

/** A step that walks through jobs, and does not look them up by an id. */
const isWalk = (step: string): boolean =>
  /^(SCAN|SEARCH) (jobs|job_search|generation_records)\b/.test(step) && !/\((id|rowid|job_id)=\?\)/.test(step);

/** SQLite tells no counts, so a walk counts as all jobs. Its plan does not tell that a condition is false for all. */
function readBySqlite(plan: readonly Record<string, unknown>[], statement: string): number {
  const walks = plan.some(({ detail }) => isWalk(String(detail)));
  return walks && !statement.includes('1 = 0') ? count : 0;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

/** The rows of scans, with those that a filter has removed, or the pages of tables and indexes, if these are more. */
function readByPostgres(lines: readonly Record<string, unknown>[]): number {
  const rowsOf = (node: PlanNode): number => {
    const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
    const own = node['Node Type'].endsWith('Scan') ? (node['Actual Rows'] + removed) * node['Actual Loops'] : 0;
    return (node.Plans ?? []).map(rowsOf).reduce((sum, rows) => sum + rows, own);
  };
  const plans = lines.flatMap((line) => line['QUERY PLAN'] as readonly { readonly Plan: PlanNode }[]);
  return plans
    .map(({ Plan: plan }) => Math.max(rowsOf(plan), plan['Shared Hit Blocks'] + plan['Shared Read Blocks']))
    .reduce((sum, read) => sum + read, 0);
}

interface Stores {
  readonly jobs: JobStore;
  readonly generations: GenerationStore;
}

const createStores = (context: Parameters<typeof createJobStore>[0]): Stores => ({
  jobs: createJobStore(context),
  generations: createGenerationStore(context),
});

interface Searcher extends Stores {
  /** Rows that the statements of a search read. */
  readonly countRead: (search: (stores: Stores) => Promise<unknown>) => Promise<number>;
}

function openSearcher({ url, explain, readBy }: World): Searcher {
  const context = openDatabase({ url, logger: silentLogger });
  onTestFinished(async () => await context.close());
  const { db } = context;
  const statements: CompiledQuery[] = [];
  const compiled = new WeakMap<object, CompiledQuery>();
  const recorder: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      compiled.set(queryId, db.getExecutor().compileQuery(node, queryId));
      return node;
    },
    // Parts of statements are transformed too, and have no result.
    async transformResult({ result, queryId }) {
      const statement = compiled.get(queryId);
      if (statement !== undefined) statements.push(statement);
      return await Promise.resolve(result);
    },
  };
  const recorded = createStores({ ...context, db: db.withPlugin(recorder) });
  return {
    ...createStores(context),
    async countRead(search) {
      statements.length = 0;
      await search(recorded);
      let rows = 0;
      for (const { sql, parameters } of statements) {
        const plan = CompiledQuery.raw(`${explain} ${sql}`, [...parameters]);
        rows += readBy((await db.executeQuery<Record<string, unknown>>(plan)).rows, sql);
      }
      return rows;
    },
  };
}

/** The middle of several times, in milliseconds. */
async function measure(search: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const began = performance.now();
    await search();
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[(turns - 1) / 2] ?? 0;
}

interface Search extends Partial<JobQuery> {
  /** The number of the first job of the page; null: no job is found. */
  readonly newest: number | null;
  /** At most some hundred jobs match. */
  readonly areFew: boolean;
}

const searches: readonly Search[] = [
  { search: 'rare', newest: count, areFew: true },
  { search: 'rare common', newest: count, areFew: true },
  { search: '"common rare"', newest: count, areFew: true },
  { search: '東京', newest: count, areFew: true },
  { search: 'absent', newest: null, areFew: true },
  { search: 'rare', metadata: [['team', 'a']], newest: count, areFew: true },
  { metadata: [['customer', '4711']], newest: count, areFew: true },
  { search: 'rare', createdAfter: new Date(0), newest: count, areFew: true },
  // Each of two terms is frequent, but few jobs have both.
  { search: 'even odd', newest: count, areFew: true },
  { ownerId: 'bob', search: 'common', newest: count - rareEvery + 5, areFew: true },
  { ownerId: 'bob', search: 'even', newest: null, areFew: true },
  { search: 'common', newest: count, areFew: false },
  { search: 'old', newest: oldJobs, areFew: false },
];

describe.each(Object.entries(worlds))('a search among a million jobs in %s', (name, openWorld) => {
  it(
    'reads no jobs without its terms, when few have them',
    async () => {
      const { jobs, generations, countRead } = openSearcher(await openWorld());
      for (const { newest, areFew, ...filter } of searches) {
        for (const statuses of [undefined, ['succeeded', 'failed']] as const) {
          const query = { ownerId: 'local', after: null, limit: 20, ...filter, ...(statuses && { statuses }) };
          const { items } = await jobs.list(query);
          const shown = JSON.stringify({ ...filter, statuses });
          // The seed of a job is its number.
          expect([shown, items.length, items[0]?.seed]).toEqual([shown, newest === null ? 0 : 20, newest ?? undefined]);
          const ms = await measure(async () => await jobs.list(query));
          const rows = await countRead(async (stores) => await stores.jobs.list(query));
          process.stdout.write(`${name}, ${shown}: ${ms.toFixed(1)} ms, ${rows} rows\n`);
          if (areFew) expect([shown, rows < maxRowsRead]).toEqual([shown, true]);
        }
      }
      const wanted: ExportQuery = { ownerId: 'local', after: null, limit: 200, search: 'old' };
      const { items } = await generations.listForExport(wanted);
      expect([items.length, items[0]?.seed]).toEqual([200, oldJobs]);
      const ms = await measure(async () => await generations.listForExport(wanted));
      const rows = await countRead(async (stores) => await stores.generations.listForExport(wanted));
      process.stdout.write(`${name}, export of "old": ${ms.toFixed(1)} ms, ${rows} rows\n`);
      // The plans of SQLite do not tell the end of a walk.
      if (name === 'Postgres') expect(rows).toBeLessThan(maxTextRowsRead);
    },
    limitMs,
  );
});
