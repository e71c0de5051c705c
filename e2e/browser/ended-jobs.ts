/** The service with a history: jobs that ended before it starts, written straight into its database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@prosemill/store';
import { silentLogger } from '@prosemill/testkit';
import { type Environment, launchStandalone, type Service } from '../launch.ts';
import { afterStop } from '../sizes.ts';
import { pageEnvironment } from './page-service.ts';

export interface EndedJobs {
  /** The owner of all of them. Default: local, the owner without keys. */
  readonly ownerId?: string;
  readonly count: number;
  /** From one submit to the next, the last of which was one such time ago. */
  readonly everyMs: number;
}

/** Everything in one process, on an SQLite file with these jobs: of 25, one failed and one was canceled. */
export async function launchWithEndedJobs(jobs: EndedJobs, environment: Environment = {}): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-e2e-'));
  const path = join(folder, 'prosemill.db');
  const url = `sqlite:${path}`;
  const store = openStore({ url, logger: silentLogger });
  await store.migrate();
  await store.stop();
  insertJobs(path, jobs);
  const service = await launchStandalone({ ...pageEnvironment, ...environment, DATABASE_URL: url });
  return afterStop(service, async () => await rm(folder, { recursive: true }));
}

/** A million rows take a quarter of a minute: without indexes, which are made at the end, and without a journal. */
function insertJobs(path: string, { ownerId = 'local', count, everyMs }: EndedJobs): void {
  const database = new DatabaseSync(path);
  try {
    database.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -200000');
    const indexes = database
      .prepare("select name, sql from sqlite_master where type = 'index' and tbl_name = 'jobs' and sql is not null")
      .all();
    for (const { name } of indexes) database.exec(`drop index ${String(name)}`);
    database.exec('begin');
    database.prepare(insertInto).run(count, Date.now(), everyMs, ownerId, count);
    database.exec(insertTexts);
    database.exec(insertEvents);
    for (const { sql } of indexes) database.exec(String(sql));
    database.exec('commit');
    database.exec('pragma journal_mode = wal');
  } finally {
    database.close();
  }
}

const insertInto = `
  with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ?),
  ended as (
    select n, ? - n * ? as at,
      case n % 25 when 3 then 'failed' when 6 then 'canceled' else 'succeeded' end as status,
      case n % 3 when 0 then 'The old king' when 1 then 'In the forest' else 'Once upon a time' end as prompt
    from numbers
  )
  insert into jobs (
    id, owner_id, status, version, class, turn, prompt, parameters, seed, attempt, released_count, crash_count,
    max_attempts, dispatch_epoch, available_at, finish_reason, error_code, error_message, prompt_tokens,
    completion_tokens, time_to_first_token_ms, generation_ms, created_at, started_at, finished_at, has_own_seed
  )
  select
    printf('%08x-%04x-7000-8000-%012x', at >> 16, at & 65535, n), ?, status, 3, 1, ? - n, prompt, '{}', n, 1, 0, 0,
    3, 1, at, iif(status = 'succeeded', 'length', null), iif(status = 'failed', 'generation_failed', null),
    iif(status = 'failed', 'The engine failed.', null), 4, 20 + n * 7919 % 60, 8 + n * 7919 % 17, 120 + n * 7919 % 240, at, at + n * 7919 % 40,
    at + 200 + n * 7919 % 280, 1
  from ended order by n desc`;

/** For the newest ones: a test opens no others. */
const insertEvents = `
  with newest as (select * from jobs order by id desc limit 10000),
  steps (seq, type, actor) as (
    values (1, 'job-queued', 'api'), (2, 'job-claimed', 'worker'), (3, null, 'worker')
  )
  insert into job_events (job_id, seq, type, at, data)
  select newest.id, seq, coalesce(type, 'job-' || status),
    case seq when 1 then created_at when 2 then started_at else finished_at end,
    json_object('attempt', iif(seq = 1, 0, 1), 'actor', actor)
  from newest cross join steps`;

const insertTexts = `
  insert into generation_records (job_id, owner_id, prompt, completion, model_name, created_at)
  select id, owner_id, prompt, ' said that he was very happy, and went home.', 'tiny-tales', finished_at
  from jobs where status = 'succeeded' order by created_at`;
