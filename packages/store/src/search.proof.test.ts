/** A search among a million jobs reads the jobs that have its terms, and no others. Its times are printed. */
import { join } from 'node:path';
import type { JobQuery, JobStore } from '@prosemill/core';
import { createTestDatabase, createTestFolder, openSql, silentLogger } from '@prosemill/testkit';
import Database from 'better-sqlite3';
import { CompiledQuery, type KyselyPlugin } from 'kysely';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openStore } from './index.ts';
import { createJobStore } from './jobs/job-store.ts';
import { openDatabase } from './open-database.ts';
import { encodeOwner, encodePhrase } from './search/encode-terms.ts';

const count = 1_000_000;
/** One job of this many has the word "rare". */
const rareEvery = 10_000;
/** The oldest jobs, which have the word "old": more than a search reads by the index. */
const oldJobs = 3_000;
const limitMs = 600_000;
const turns = 11;
/** The jobs with the word "rare", each several times. */
const maxRowsRead = 2_000;

const [common = '', rare = '', old = ''] = encodePhrase(['common', 'rare', 'old']);
const owner = encodeOwner('local');

/** The columns of a job that has ended; `n` counts from 1, the oldest. */
const columns = `id, owner_id, status, version, class, turn, prompt, parameters, seed, attempt, released_count, crash_count,
  max_attempts, dispatch_epoch, available_at, created_at, started_at, finished_at`;
const values = (id: string, time: string) =>
  `${id}, 'local', 'succeeded', 3, 1, n, 'common', '{}', n, 1, 0, 0, 3, 0, ${time}, ${time}, ${time}, ${time}`;
const secondWord = (ofRare: string, ofOld: string) =>
  `case when n % ${rareEvery} = 0 then '${ofRare}' when n <= ${oldJobs} then '${ofOld}' else '' end`;

interface World {
  readonly url: string;
  /** The rows that a statement reads by its plan. */
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
    const numbers = `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})`;
    const id = `printf('00000000-0000-7000-8000-%012x', n)`;
    file.exec('drop trigger queue_search_new');
    file.exec(`${numbers} insert into jobs (${columns}) select ${values(id, '1700000000000 + n')} from numbers`);
    file.exec(`${numbers} insert into job_search (job_id, version, terms)
      select ${id}, 3, '${common} ' || ${secondWord(`${rare} `, `${old} `)} || '${owner}' from numbers`);
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
      cast('${common}:1 ' || ${secondWord(`${rare}:2 `, `${old}:2 `)} || '${owner}:3' as tsvector) from ${numbers}`);
    await sql.execute('vacuum analyze');
    await sql.close();
    return { url, explain: 'explain (analyze, format json)', readBy: readByPostgres };
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
  readonly Plans?: readonly PlanNode[];
}

/** Rows of scans, with those that a filter has removed. */
function readByPostgres(lines: readonly Record<string, unknown>[]): number {
  const rowsOf = (node: PlanNode): number => {
    const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
    const own = node['Node Type'].endsWith('Scan') ? (node['Actual Rows'] + removed) * node['Actual Loops'] : 0;
    return (node.Plans ?? []).map(rowsOf).reduce((sum, rows) => sum + rows, own);
  };
  const plans = lines.flatMap((line) => line['QUERY PLAN'] as readonly { readonly Plan: PlanNode }[]);
  return plans.map(({ Plan: plan }) => rowsOf(plan)).reduce((sum, rows) => sum + rows, 0);
}

interface Searcher {
  readonly jobs: JobStore;
  /** Rows that the statements of a search read. */
  readonly countRead: (query: JobQuery) => Promise<number>;
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
  const recorded = createJobStore({ ...context, db: db.withPlugin(recorder) });
  return {
    jobs: createJobStore(context),
    async countRead(query) {
      statements.length = 0;
      await recorded.list(query);
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
async function measure(jobs: JobStore, query: JobQuery): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const began = performance.now();
    await jobs.list(query);
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[(turns - 1) / 2] ?? 0;
}

describe.each(Object.entries(worlds))('a search among a million jobs in %s', (name, openWorld) => {
  it(
    'reads no jobs without its terms, when few have them',
    async () => {
      const { jobs, countRead } = openSearcher(await openWorld());
      const searches: readonly (readonly [search: string, newest: number | undefined, areFew: boolean])[] = [
        ['rare', count, true],
        ['rare common', count, true],
        ['"common rare"', count, true],
        ['absent', undefined, true],
        ['common', count, false],
        ['old', oldJobs, false],
      ];
      for (const [search, newest, areFew] of searches) {
        for (const statuses of [undefined, ['succeeded', 'failed']] as const) {
          const query = { ownerId: 'local', after: null, limit: 20, search, ...(statuses && { statuses }) };
          const { items } = await jobs.list(query);
          // The seed of a job is its number.
          expect([search, items.length, items[0]?.seed]).toEqual([search, newest === undefined ? 0 : 20, newest]);
          const ms = await measure(jobs, query);
          const rows = await countRead(query);
          process.stdout.write(`${name}, ${search}, ${String(statuses ?? 'any')}: ${ms.toFixed(1)} ms, ${rows} rows\n`);
          if (areFew) expect(rows).toBeLessThan(maxRowsRead);
        }
      }
    },
    limitMs,
  );
});
