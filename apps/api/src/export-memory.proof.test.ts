/** An export of a million texts, on both databases: all of them, at constant memory. */
import { join } from 'node:path';
import { openStore } from '@prosemill/store';
import {
  createTestDatabase,
  createTestFolder,
  measureMemory,
  type Memory,
  openSql,
  silentLogger,
} from '@prosemill/testkit';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openTestApi } from './test-api.ts';

const count = 1_000_000;
const limitMs = 600_000;
/** The memory is measured after each of these parts of the texts. */
const parts = 10;
/** The body of the export has hundreds of MiB. A process keeps some memory that it does not use any more. */
const maxGrowthMiB = { used: 16, resident: 150 } as const;
const lineFeed = 10;

const job = (id: string, time: string): string => `
  insert into jobs (id, owner_id, status, version, class, turn, prompt, parameters, seed, attempt, released_count, crash_count,
    max_attempts, dispatch_epoch, available_at, created_at, started_at, finished_at)
  select ${id}, 'local', 'succeeded', 3, 1, n, 'Once upon a time', '{}', n, 1, 0, 0, 3, 0, ${time}, ${time}, ${time}, ${time}
  from numbers`;
const records = `
  insert into generation_records (job_id, owner_id, prompt, completion, model_name, created_at)
  select id, owner_id, prompt, ' there was a king who was very happy, and went home.', 'tiny-tales', finished_at from jobs`;

const worlds = {
  async SQLite() {
    const url = `sqlite:${join(await createTestFolder(), 'test.db')}`;
    const numbers = `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})`;
    const jobs = numbers + job(`printf('00000000-0000-7000-8000-%012x', n)`, '1700000000000 + n');
    const faster = ['pragma foreign_keys = off', 'pragma synchronous = off'];
    return await seeded(url, [...faster, 'drop trigger queue_search_new', jobs, records]);
  },
  async Postgres() {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    const id = `('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`;
    const numbers = `with numbers as (select n from generate_series(1, ${count}) as n)`;
    const jobs = numbers + job(id, `timestamptz '2026-01-01' + n * interval '1 second'`);
    return await seeded(url, ['alter table jobs disable trigger queue_search_new', jobs, records, 'vacuum analyze']);
  },
} as const satisfies Record<string, () => Promise<string>>;

async function seeded(url: string, statements: readonly string[]): Promise<string> {
  const store = openStore({ url, logger: silentLogger });
  await store.migrate();
  await store.stop();
  const sql = await openSql(url);
  for (const statement of statements) await sql.execute(statement);
  await sql.close();
  return url;
}

describe.each(Object.entries(worlds))('an export of a million texts from %s', (name, openWorld) => {
  it(
    'has each once, and its memory does not grow',
    async () => {
      const opened = await openTestApi({ databaseUrl: await openWorld() });
      onTestFinished(async () => await opened.close());
      const answer = await opened.api.app.request('/history/export');
      let lines = 0;
      const memory: Memory[] = [];
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
        for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, end + 1)) lines += 1;
        if (lines >= ((memory.length + 1) * count) / parts) memory.push(measureMemory());
      }
      for (const kind of ['used', 'resident'] as const) {
        process.stdout.write(`${name}, MiB ${kind}: ${memory.map((each) => each[kind]).join(' ')}\n`);
      }
      expect([lines, memory.length]).toEqual([count, parts]);
      // The pool, the caches and the first pages are part of any export.
      const [first, last] = [memory[1] as Memory, memory.at(-1) as Memory];
      expect(last.used - first.used).toBeLessThan(maxGrowthMiB.used);
      expect(last.resident - first.resident).toBeLessThan(maxGrowthMiB.resident);
    },
    limitMs,
  );
});
