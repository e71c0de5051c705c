/** This version on databases of an older version whose processes were killed in the middle of their work. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobBody, Problem } from '@prosemill/contract';
import { createTestDatabase, openSql } from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { until } from '../faults/until.ts';
import { createClient, type Request, type RequestOptions } from '../http-client.ts';
import { launchSeparate, launchStandalone, type Service } from '../launch.ts';
import { type Database, databases, loadOldDatabase, type OldData, type OldRequest, readOldData } from './old-data.ts';

/** The remaining lease of the dead worker. */
const leaseSeconds = 5;

type OldJob = Pick<JobBody, 'id' | 'prompt' | 'output'>;

/** SQL for values of time columns. */
const times = {
  sqlite: { now: `cast(unixepoch('subsec') * 1000 as integer)`, lease: String(leaseSeconds * 1_000) },
  postgres: { now: 'now()', lease: `interval '${leaseSeconds} seconds'` },
} as const;

describe.each(databases)('this version on an old database (%s)', (database) => {
  let data: OldData;
  let url: string;
  let drop: () => Promise<void>;
  let service: Service;
  let request: Request;
  let leaseEnd: Readonly<Record<string, unknown>> | undefined;

  beforeAll(async () => {
    data = await readOldData(database);
    ({ url, drop } = await createDatabase(database));
    await loadOldDatabase(url);
    // Shifts times as if the old version had stopped just now.
    const { now, lease } = times[database];
    await execute(`update idempotency_keys set created_at = ${now}`);
    await execute(`update jobs set lease_until = ${now} + ${lease} where status = 'running'`);
    [leaseEnd] = await execute(`select lease_until as at from jobs where status = 'running'`);
    const launch = database === 'sqlite' ? launchStandalone : launchSeparate;
    service = await launch({ DATABASE_URL: url, AUTH: 'keys', ADMIN_KEY: data.adminKey, RATE_LIMIT_PER_MINUTE: '0' });
    request = await createClient(service.url);
  });
  afterAll(async () => {
    await service.stop();
    await drop();
  });

  async function execute(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const sql = await openSql(url);
    try {
      return await sql.execute(statement);
    } finally {
      await sql.close();
    }
  }

  const send = async <Body = JobBody>(secret: string, path: string, { headers, ...options }: RequestOptions = {}) =>
    await request<Body>(path, { ...options, headers: { ...headers, Authorization: `Bearer ${secret}` } });
  const secretOf = (jobId: string): string => data.requests.find((each) => each.jobId === jobId)?.secret ?? '';
  const repeat = async <Body = JobBody>({ secret, key, json }: OldRequest, change: object = {}) =>
    await send<Body>(secret, '/jobs', { json: { ...json, ...change }, headers: { 'Idempotency-Key': key } });

  it('accepts its keys, with their scopes', async () => {
    const json = { prompt: 'Once upon a time', max_new_tokens: 1 };
    for (const { secret, scopes, isRevoked } of data.keys) {
      const expected = isRevoked ? [401, 401] : [200, scopes.includes('generate') ? 202 : 403];
      const answers = [await send(secret, '/jobs'), await send(secret, '/jobs', { json })];
      expect(answers.map(({ status }) => status)).toEqual(expected);
    }
    const { body } = await send<{ data: readonly object[] }>(data.adminKey, '/admin/keys');
    expect(body.data).toHaveLength(data.keys.length);
  });

  it('shows its ended jobs unchanged', async () => {
    expect(new Set(data.answers.map(({ body }) => body['status']))).toEqual(
      new Set(['succeeded', 'failed', 'canceled', undefined]),
    );
    for (const { secret, path, body } of data.answers) {
      const answer = await send(secret, path);
      // An object may have more fields than the old version knew.
      expect([path, answer.status, answer.body]).toMatchObject([path, 200, body]);
    }
  });

  it('shows its history to its owners', async () => {
    for (const { owner, secret, isRevoked } of data.keys.filter(({ scopes }) => scopes.includes('generate'))) {
      if (isRevoked) continue;
      const texts = data.answers.filter((each) => each.secret === secret && each.path.startsWith('/history/'));
      const { body } = await send<readonly object[]>(secret, '/history?limit=100');
      expect([owner, body]).toEqual([owner, expect.arrayContaining(texts.map((each) => each.body))]);
    }
  });

  it('answers a repeated request with its job, and refuses another request with the same key', async () => {
    const held = data.requests.filter(({ isReleased }) => !isReleased);
    for (const old of held) {
      const again = await repeat(old);
      expect([again.body.id, again.headers.get('Idempotent-Replayed')]).toEqual([old.jobId, 'true']);
      const other = await repeat<Problem>(old, { repetition_penalty: 1.5 });
      expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    }
    for (const old of data.requests.filter(({ isReleased }) => isReleased)) {
      const again = await repeat(old, { prompt: 'Once upon a time' });
      expect([again.status, again.headers.get('Idempotent-Replayed')]).toEqual([202, null]);
    }
  });

  it('runs its waiting jobs, and the job of a dead worker after its lease', async () => {
    for (const id of [...data.queuedIds, data.runningId]) {
      const ended = async () => (await send(secretOf(id), `/jobs/${id}?wait=10`)).body.status === 'succeeded';
      await until(`${id} to succeed`, ended, 60_000);
    }
    const { body } = await send(secretOf(data.runningId), `/jobs/${data.runningId}`);
    expect(body).toMatchObject({ status: 'succeeded', attempt: 2 });
    const codes = await service.stop();
    expect(codes).toEqual(service.processes.map(() => 0));
    const events = await execute(
      `select type, attempt, actor, at from job_events where job_id = '${data.runningId}' order by seq`,
    );
    expect(events.map(({ type, attempt, actor }) => [type, attempt, actor])).toEqual([
      ['job-queued', 0, 'api'],
      ['job-claimed', 1, 'worker'],
      ['job-rescued', 1, 'reconciler'],
      ['job-claimed', 2, 'worker'],
      ['job-succeeded', 2, 'worker'],
    ]);
    expect(Number(events[2]?.['at'])).toBeGreaterThanOrEqual(Number(leaseEnd?.['at']));
    expect(await execute('select job_id from job_events where attempt is null or actor is null')).toEqual([]);
  });

  // The file of SQLite can be read when the service has stopped.
  it('holds its texts as completions', async () => {
    const rows = await execute(`
      select jobs.id, coalesce(generation_records.completion, jobs.partial_completion) as completion
        from jobs left join generation_records on generation_records.job_id = jobs.id`);
    const completions = new Map(rows.map(({ id, completion }) => [id, completion]));
    const jobs = data.answers.filter(({ path }) => path.startsWith('/jobs/')).map(({ body }) => body as OldJob);
    const expected = jobs.map(({ id, prompt, output }) => [id, output?.generated_text.slice(prompt.length) ?? null]);
    expect(jobs.map(({ id }) => [id, completions.get(id)])).toEqual(expected);
    expect(expected.filter(([, completion]) => completion !== null).length).toBeGreaterThan(5);
  });
});

async function createDatabase(database: Database): Promise<{ url: string; drop: () => Promise<void> }> {
  if (database === 'postgres') return await createTestDatabase(inject('postgresUrl'));
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-upgrade-'));
  return { url: `sqlite:${join(folder, 'prosemill.db')}`, drop: async () => await rm(folder, { recursive: true }) };
}
