/**
 * Makes the databases of an older version for the upgrade tests: `node e2e/upgrade/make-data.ts`. It runs the processes
 * of that version, and kills them in the middle of their work. TEST_POSTGRES_URL names a server of the oldest supported
 * version (15), whose `pg_dump` is on the PATH: its dump loads into every later version.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { JobBody } from '@prosemill/contract';
import { childProcesses, createTestDatabase, openSql } from '@prosemill/testkit';
import { until } from '../faults/until.ts';
import { type Environment, migrateDatabase, ServiceProcess, testEnvironment } from '../launch.ts';
import { checkOut, firstVersion } from './check-out.ts';
import { type Database, dataFile, type OldAnswer, type OldKey, type OldRequest, writeOldData } from './old-data.ts';

const run = promisify(execFile);
const adminKey = 'an-admin-key-of-test-data-and-nothing-else';
const endsWithinMs = 60_000;
const prompt = 'Once upon a time';
/** Requests with every field, and with values that JSON or SQL code might handle wrongly. */
const endedRequests = [
  { prompt, max_new_tokens: 8 },
  { prompt: 'The „old“ king’s\n\t"daughter" \\ 👑', max_length: 60, seed: 4_294_967_295 },
  { prompt, max_new_tokens: 20, temperature: 0.7, top_k: 0, top_p: 0.9, repetition_penalty: 1.2, stop: ['\n', 'zz'] },
  { prompt: 'The goose girl', max_new_tokens: 12, temperature: 0, stop: ['.'], seed: 0 },
] as const;
/** A failpoint kills the engine whenever this prompt is about to run. */
const poison = { prompt: 'A poisonpill', max_new_tokens: 8 };
const long = { prompt, max_new_tokens: 400, top_k: 0, temperature: 1.3 };

interface Call {
  readonly secret?: string;
  readonly method?: string;
  readonly json?: object;
  readonly key?: string;
}

/** A run of the old version on one database. */
class OldRun {
  readonly keys: OldKey[] = [];
  readonly requests: OldRequest[] = [];
  readonly #processes: ServiceProcess[];
  readonly #url: string;

  private constructor(processes: ServiceProcess[], url: string) {
    this.#processes = processes;
    this.#url = url;
  }

  static async launch(database: Database, databaseUrl: string): Promise<OldRun> {
    const options = { checkout: await checkOut(firstVersion) };
    const environment: Environment = {
      ...testEnvironment,
      DATABASE_URL: databaseUrl,
      AUTH: 'keys',
      ADMIN_KEY: adminKey,
      FAILPOINT: 'engine.poison:kill9',
      ENGINE_HANG_SECONDS: '300',
    };
    if (database === 'postgres') await migrateDatabase(environment, options);
    const programs =
      database === 'sqlite'
        ? (['apps/standalone/src/main.ts'] as const)
        : (['apps/api/src/main.ts', 'apps/worker/src/main.ts'] as const);
    const processes = programs.map((program) => new ServiceProcess(program, environment, options));
    const [api, worker = api] = processes as [ServiceProcess, ServiceProcess?];
    const { url } = await api.logged({ msg: 'the API listens' });
    await worker.logged({ msg: 'the worker takes jobs' });
    return new OldRun(processes, String(url));
  }

  async call<Body = JobBody>(path: string, { secret = adminKey, method, json, key }: Call = {}): Promise<Body> {
    const response = await fetch(this.#url + path, {
      method: method ?? (json === undefined ? 'GET' : 'POST'),
      headers: {
        Authorization: `Bearer ${secret}`,
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(key === undefined ? {} : { 'Idempotency-Key': key }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    if (!response.ok) throw new Error(`${path} ${response.status}: ${await response.text()}`);
    return (response.status === 204 ? {} : await response.json()) as Body;
  }

  /** @returns the secret */
  async createKey(owner: string, scopes: readonly string[], isRevoked = false): Promise<string> {
    const json = { owner, name: `${owner}, ${scopes.join(' and ')}`, scopes };
    const { id, secret } = await this.call<{ id: string; secret: string }>('/admin/keys', { json });
    if (isRevoked) await this.call(`/admin/keys/${id}`, { method: 'DELETE' });
    this.keys.push({ owner, secret, scopes, isRevoked });
    return secret;
  }

  /**
   * Submits with an Idempotency-Key of its own.
   * @returns the id of the job
   */
  async submit(secret: string, json: object, { isReleased = false } = {}): Promise<string> {
    const key = `key-${this.requests.length}`;
    const { id } = await this.call('/jobs', { secret, json, key });
    this.requests.push({ secret, key, json: { ...json }, jobId: id, isReleased });
    return id;
  }

  /** Reads the answers about an ended job and its text. */
  async answersAbout(secret: string, jobId: string): Promise<readonly OldAnswer[]> {
    const path = `/jobs/${jobId}`;
    await until(`${jobId} to end`, async () => (await this.call(path, { secret })).finished_at !== null, endsWithinMs);
    const body = await this.call(path, { secret });
    const record = body.output?.generation_id ?? null;
    const paths = [path, ...(record === null ? [] : [`/history/${record}`])];
    return await Promise.all(
      paths.map(async (each) => ({ secret, path: each, body: await this.call(each, { secret }) })),
    );
  }

  /** Keeps jobs from ending from now on. */
  freezeEngine(): void {
    for (const pid of this.#engines()) process.kill(pid, 'SIGSTOP');
  }

  async kill(): Promise<void> {
    const engines = this.#engines();
    await Promise.all(this.#processes.map(async (each) => await each.stop('SIGKILL')));
    for (const pid of engines) process.kill(pid, 'SIGKILL');
  }

  #engines(): readonly number[] {
    return this.#processes
      .flatMap(({ child }) => childProcesses(child.pid ?? 0))
      .filter(({ command }) => /(?:child|process)\/main\.ts/.test(command))
      .map(({ pid }) => pid);
  }
}

async function makeData(database: Database, url: string): Promise<void> {
  const old = await OldRun.launch(database, url);
  try {
    const acme = await old.createKey('acme', ['generate', 'read']);
    const bob = await old.createKey('bob', ['generate', 'read']);
    await old.createKey('acme', ['read']);
    await old.createKey('acme', ['generate', 'read'], true);
    const answers: OldAnswer[] = [];
    for (const json of endedRequests) {
      for (const secret of [acme, bob])
        answers.push(...(await old.answersAbout(secret, await old.submit(secret, json))));
    }
    answers.push(...(await old.answersAbout(acme, await old.submit(acme, poison, { isReleased: true }))));
    // Two canceled jobs: one in the middle of its text, and one before its start.
    const running = await old.submit(acme, long);
    const waiting = await old.submit(acme, long);
    await until(
      'a running job',
      async () => (await old.call(`/jobs/${running}`, { secret: acme })).status === 'running',
      endsWithinMs,
    );
    for (const id of [waiting, running]) {
      await old.call(`/jobs/${id}/cancel`, { secret: acme, method: 'POST' });
      answers.push(...(await old.answersAbout(acme, id)));
    }
    old.freezeEngine();
    const runningId = await old.submit(bob, long);
    await until(
      'a running job',
      async () => (await old.call(`/jobs/${runningId}`, { secret: bob })).status === 'running',
      endsWithinMs,
    );
    const queuedIds = [await old.submit(acme, endedRequests[2]), await old.submit(bob, endedRequests[0])];
    await old.kill();
    await writeOldData(database, { adminKey, keys: old.keys, requests: old.requests, answers, queuedIds, runningId });
  } finally {
    await old.kill();
  }
}

async function makeSqlite(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-old-data-'));
  const path = join(folder, 'prosemill.db');
  await makeData('sqlite', `sqlite:${path}`);
  // Opening the file merges the write-ahead log of the killed process into it.
  const sql = await openSql(`sqlite:${path}`);
  await sql.execute('pragma wal_checkpoint(truncate)');
  await sql.close();
  await writeFile(dataFile('sqlite'), gzipSync(await readFile(path), { level: 9 }));
  await rm(folder, { recursive: true });
}

async function makePostgres(serverUrl: string): Promise<void> {
  const { url, drop } = await createTestDatabase(serverUrl);
  await makeData('postgres', url);
  const flags = ['--no-owner', '--no-privileges', '--no-comments', '--column-inserts', '--schema=public'];
  const { stdout } = await run('pg_dump', [...flags, url], { maxBuffer: 16 * 1024 * 1024 });
  // Removes commands of psql, which the server does not know.
  await writeFile(dataFile('postgres'), stdout.replaceAll(/^\\.*\n/gm, '').replace('CREATE SCHEMA public;\n', ''));
  await drop();
}

const serverUrl = process.env['TEST_POSTGRES_URL'];
if (serverUrl === undefined) throw new TypeError('usage: TEST_POSTGRES_URL=postgres://… node e2e/upgrade/make-data.ts');
await makeSqlite();
await makePostgres(serverUrl);
