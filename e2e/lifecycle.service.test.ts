/** Start, stop and death of processes: exit codes, one line for each error, and no lost job. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { JobBody } from '@prosemill/contract';
import { fileURLToPath } from 'node:url';
import {
  childProcesses,
  createTestDatabase,
  createTestFolder,
  freePort,
  type HubServer,
  openSql,
  startHubServer,
} from '@prosemill/testkit';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createClient, type Request } from './http-client.ts';
import {
  type Environment,
  launchSeparate,
  launchStandalone,
  type Service,
  ServiceProcess,
  testEnvironment,
} from './launch.ts';

const longRequest = { prompt: 'Once upon a time', max_new_tokens: 480, top_k: 0, temperature: 1.3 };

async function sqliteFile(): Promise<{ readonly DATABASE_URL: string }> {
  return { DATABASE_URL: `sqlite:${join(await createTestFolder(), 'prosemill.db')}` };
}

async function postgresDatabase(): Promise<Environment> {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  return { DATABASE_URL: url };
}

function stopAtEnd(service: Service): Service {
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  return service;
}

async function submitMany(request: Request, count: number): Promise<readonly string[]> {
  const submits = Array.from({ length: count }, async (_, seed) => {
    const { status, body } = await request<JobBody>('/jobs', { json: { ...longRequest, seed } });
    expect(status).toBe(202);
    return body.id;
  });
  return await Promise.all(submits);
}

const jobOf = async (request: Request, id: string): Promise<JobBody> => (await request<JobBody>(`/jobs/${id}`)).body;

/** A running job. */
async function someRunning(request: Request): Promise<string> {
  const running = async () => (await request<{ data: JobBody[] }>('/jobs?status=running')).body.data[0]?.id;
  await expect.poll(running, { interval: 5 }).toBeDefined();
  return (await running()) ?? '';
}

async function expectAllSucceed(request: Request, ids: readonly string[]): Promise<readonly JobBody[]> {
  const states = async () => await Promise.all(ids.map(async (id) => (await jobOf(request, id)).status));
  await expect.poll(states, { timeout: 60_000 }).toEqual(ids.map(() => 'succeeded'));
  return await Promise.all(ids.map((id) => jobOf(request, id)));
}

/** The output of a process that refuses to start in this environment. */
async function refusalOf(environment: Environment): Promise<string> {
  const process = new ServiceProcess('apps/standalone/src/main.ts', environment);
  expect(await process.ended()).toBe(1);
  return process.output;
}

describe('the service in one process', () => {
  it('requires keys when other machines can reach the port, logs it, and lets ADMIN_KEY make the first key', async () => {
    const adminKey = { Authorization: `Bearer ${'x'.repeat(32)}` };
    const environment = { ...(await sqliteFile()), HOST: '0.0.0.0', ADMIN_KEY: 'x'.repeat(32) };
    const service = stopAtEnd(await launchStandalone(environment));
    await service.processes[0]?.logged({ msg: 'requests need an API key', hasAdminKey: true });
    const request = await createClient(service.url);
    await expect.poll(async () => (await request('/readyz')).status).toBe(200);
    expect((await request('/jobs')).status).toBe(401);
    const json = { owner: 'acme', name: 'first' };
    const created = await request<{ secret: string }>('/admin/keys', { json, headers: adminKey });
    const headers = { Authorization: `Bearer ${created.body.secret}` };
    expect([created.status, (await request('/jobs', { headers })).status]).toEqual([201, 200]);
  });

  it('hands back unfinished jobs on Ctrl-C, exits 0, and continues them at the next start', async () => {
    const environment = { ...(await sqliteFile()), SHUTDOWN_GRACE_SECONDS: '0' };
    const first = stopAtEnd(await launchStandalone(environment));
    const request = await createClient(first.url);
    const ids = await submitMany(request, 4);
    await someRunning(request);
    const begin = performance.now();
    expect(await first.stop('SIGINT')).toEqual([0]);
    // The promise for Ctrl-C.
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(first.processes[0]?.log.at(-1)).toMatchObject({ msg: 'stopped' });

    const second = stopAtEnd(await launchStandalone(environment));
    const jobs = await expectAllSucceed(await createClient(second.url), ids);
    // A hand-back is not a failure: it costs no attempt.
    expect(Math.max(...jobs.map(({ attempt }) => attempt))).toBeLessThanOrEqual(2);
    expect(await second.stop()).toEqual([0]);
  });

  it('hands back its jobs when its terminal is closed, although the engine gets SIGHUP too', async () => {
    const environment = { ...(await sqliteFile()), ...testEnvironment, SHUTDOWN_GRACE_SECONDS: '0' };
    const port = String(await freePort());
    const command = `exec '${process.execPath}' apps/standalone/src/main.ts`;
    const terminal = spawn('script', ['--quiet', '--command', command, '/dev/null'], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { PATH: process.env['PATH'], SHELL: '/bin/sh', ...environment, PORT: port },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    onTestFinished(() => void terminal.kill('SIGKILL'));
    const url = `http://127.0.0.1:${port}`;
    const isReady = async () =>
      await fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(isReady, { timeout: 30_000 }).toBe(true);
    const request = await createClient(url);
    const ids = await submitMany(request, 2);
    const running = await someRunning(request);
    const [service] = childProcesses(terminal.pid ?? 0);
    terminal.kill('SIGKILL');
    await expect.poll(() => existsSync(`/proc/${service?.pid}`), { timeout: 10_000 }).toBe(false);
    const connection = await openSql(environment.DATABASE_URL);
    const [row] = await connection.execute(
      `select status, released_count, crash_count from jobs where id = '${running}'`,
    );
    await connection.close();
    expect(row).toEqual({ status: 'queued', released_count: 1, crash_count: 0 });
    expect(ids).toContain(running);
  });

  it('lets a short job finish, and answers its waiting client', async () => {
    const service = stopAtEnd(await launchStandalone(await sqliteFile()));
    const request = await createClient(service.url);
    const answer = request<{ generated_text: string }>('/generate', { json: { ...longRequest, seed: 1 } });
    await someRunning(request);
    expect(await service.stop('SIGTERM')).toEqual([0]);
    expect((await answer).status).toBeOneOf([200, 202]);
  });

  it('keeps its history', async () => {
    const environment = await sqliteFile();
    const first = stopAtEnd(await launchStandalone(environment));
    const generated = await (
      await createClient(first.url)
    )<{ id: number }>('/generate', {
      json: { prompt: 'Test prompt', max_length: 50 },
    });
    await first.stop('SIGINT');
    const second = stopAtEnd(await launchStandalone(environment));
    const history = await (await createClient(second.url))<{ id: number }[]>('/history');
    expect(history.body.map(({ id }) => id)).toEqual([generated.body.id]);
  });

  it('stays paused', async () => {
    const environment = await sqliteFile();
    const first = stopAtEnd(await launchStandalone(environment));
    const request = await createClient(first.url);
    await request('/admin/queue/pause', { method: 'POST' });
    const ids = await submitMany(request, 1);
    await first.stop('SIGINT');
    const second = stopAtEnd(await launchStandalone(environment));
    await second.processes[0]?.logged({ msg: 'the worker takes jobs' });
    const requestAgain = await createClient(second.url);
    expect((await requestAgain('/health')).body).toMatchObject({ queue: { queued: 1, running: 0, paused: true } });
    expect((await jobOf(requestAgain, `${ids[0]}?wait=1`)).status).toBe('queued');
    await requestAgain('/admin/queue/resume', { method: 'POST' });
    await expectAllSucceed(requestAgain, ids);
  });

  it('continues a job whose process was killed', async () => {
    const environment = { ...(await sqliteFile()), LEASE_SECONDS: '3' };
    const first = stopAtEnd(await launchStandalone(environment));
    const request = await createClient(first.url);
    const ids = await submitMany(request, 2);
    const killed = await someRunning(request);
    await first.stop('SIGKILL');
    const second = stopAtEnd(await launchStandalone(environment));
    const jobs = await expectAllSucceed(await createClient(second.url), ids);
    expect(jobs.find(({ id }) => id === killed)?.attempt).toBe(2);
  });

  it('refuses a second start on the same file in one line', async () => {
    const environment = await sqliteFile();
    stopAtEnd(await launchStandalone(environment));
    const second = new ServiceProcess('apps/standalone/src/main.ts', { PORT: '0', MODEL: 'shipped', ...environment });
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(/^prosemill: The database file .* is in use by another Prosemill process\. .*\n$/);
  });

  it('lists all errors of its configuration', async () => {
    const process = new ServiceProcess('apps/standalone/src/main.ts', {
      PORT: 'eighty',
      DATABASE_URL: 'mysql://user:secret@host/db',
      LOG_LEVEL: 'loud',
      LEASE_SECONDS: '0',
    });
    expect(await process.ended()).toBe(1);
    for (const name of ['PORT', 'LOG_LEVEL', 'LEASE_SECONDS']) expect(process.output).toContain(`- ${name}: `);
    expect(process.output).not.toContain('secret');
  });

  it('refuses a failpoint in production, and an unknown failpoint', async () => {
    expect(await refusalOf({ FAILPOINT: 'worker.after_claim:kill9', NODE_ENV: 'production' })).toContain(
      '- FAILPOINT: must not be set when NODE_ENV is production',
    );
    expect(await refusalOf({ FAILPOINT: 'nowhere:kill9' })).toContain(
      '- FAILPOINT: must be one of submit.after_commit, ',
    );
  });

  it('names the port that is in use', async () => {
    const first = stopAtEnd(await launchStandalone(await sqliteFile()));
    const { port } = new URL(first.url);
    const environment = { ...(await sqliteFile()), PORT: port, MODEL: 'shipped' };
    const second = new ServiceProcess('apps/standalone/src/main.ts', environment);
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(new RegExp(`^prosemill: PORT ${port} of HOST 127.0.0.1 is in use .*EADDRINUSE.*\n$`));
  });

  it('tells why the configured model cannot be loaded, and does not run another', async () => {
    const environment = { ...(await sqliteFile()), PORT: '0', MODEL: '/no/such/folder' };
    const process = new ServiceProcess('apps/standalone/src/main.ts', environment);
    expect(await process.ended()).toBe(1);
    expect(process.output).toMatch(/^prosemill: .*\/no\/such\/folder.*\n$/);
  });
});

async function modelEnvironment(hub: HubServer): Promise<Environment> {
  return { ...(await sqliteFile()), HF_ENDPOINT: hub.url, MODEL: 'acme/tiny', MODEL_DIR: await createTestFolder() };
}

describe('a model that has to be downloaded first', () => {
  const modelFolder = fileURLToPath(new URL('../models/tiny-tales', import.meta.url));

  async function startHub(): Promise<HubServer> {
    const hub = await startHubServer({ repositories: { 'acme/tiny': modelFolder }, commit: '0123abc' });
    onTestFinished(hub.stop);
    return hub;
  }

  it('is downloaded once, and is what answers', async () => {
    const hub = await startHub();
    const environment = await modelEnvironment(hub);
    const first = stopAtEnd(await launchStandalone(environment));
    const request = await createClient(first.url);
    const { body } = await request('/generate', { json: { prompt: 'Once upon a time', max_new_tokens: 3 } });
    expect(body).toMatchObject({ model_name: 'tiny' });
    await first.stop();
    await hub.stop();
    const second = stopAtEnd(await launchStandalone(environment));
    await second.processes[0]?.logged({ msg: 'the worker takes jobs', model: 'tiny' });
  });

  it('shows its progress in /health and the log, while jobs are accepted; Ctrl-C ends it', async () => {
    const hub = await startHub();
    hub.breakNext('model.safetensors', 'stall', 1);
    const service = stopAtEnd(await launchStandalone(await modelEnvironment(hub)));
    const request = await createClient(service.url);
    const progress = async () => {
      const { body } = await request<{ workers: { load_progress: number | null }[] }>('/health');
      return body.workers[0]?.load_progress;
    };
    await expect.poll(progress).toBeGreaterThan(0.4);
    expect(await progress()).toBeLessThan(0.6);
    expect((await request('/health')).body).toMatchObject({ status: 'healthy', model: null });
    expect((await request('/jobs', { json: { prompt: 'Once upon a time' } })).status).toBe(202);
    await service.processes[0]?.logged({ msg: 'loading the model' });
    expect(await service.stop('SIGINT')).toEqual([0]);
  });

  it('gives way to the shipped model when MODEL is not set and the download fails, and says so', async () => {
    const hub = await startHub();
    const environment = { ...(await modelEnvironment(hub)), MODEL: '' };
    const service = stopAtEnd(await launchStandalone(environment));
    const request = await createClient(service.url);
    const { body } = await request('/generate', { json: { prompt: 'Once upon a time', max_new_tokens: 3 } });
    expect(body).toMatchObject({ model_name: 'tiny-tales' });
    const reason =
      /^distilgpt2 is not available \(.*\), so the small model tiny-tales of this repository runs instead\.$/;
    const health = await request<{ workers: { note: string | null }[] }>('/health');
    expect(health.body.workers[0]?.note).toMatch(/^distilgpt2 is not available, .*; its log says why\.$/);
    const lines = service.processes[0]?.log.filter(({ msg }) => reason.test(String(msg)));
    expect(lines).toHaveLength(1);
  });
});

describe('API and worker as processes of their own', () => {
  it('hand a job over from a stopped worker to the next one', async () => {
    const environment = { ...(await postgresDatabase()), SHUTDOWN_GRACE_SECONDS: '0' };
    const service = stopAtEnd(await launchSeparate(environment));
    const request = await createClient(service.url);
    const ids = await submitMany(request, 3);
    await someRunning(request);
    const [, worker] = service.processes;
    expect(await worker?.stop('SIGTERM')).toBe(0);
    const workerEnvironment = { WORKER_PORT: '0', MODEL: 'shipped', WORKERS: '1', ...environment };
    const next = new ServiceProcess('apps/worker/src/main.ts', workerEnvironment);
    onTestFinished(async () => void (await next.stop('SIGKILL')));
    await expectAllSucceed(request, ids);
  });

  it('answer 202 to waiting clients when the API is stopped', async () => {
    const service = stopAtEnd(await launchSeparate(await postgresDatabase()));
    const request = await createClient(service.url);
    // With the worker stopped, the job stays queued.
    const [api, worker] = service.processes;
    await worker?.stop('SIGTERM');
    const waiting = request<JobBody>('/generate', { json: longRequest });
    await expect.poll(async () => (await request<{ data: JobBody[] }>('/jobs')).body.data.length).toBe(1);
    expect(await api?.stop('SIGTERM')).toBe(0);
    expect(await waiting).toMatchObject({ status: 202, body: { status: 'queued' } });
  });

  it.each(['apps/api/src/main.ts', 'apps/worker/src/main.ts'] as const)(
    'refuse an SQLite file (%s)',
    async (program) => {
      const process = new ServiceProcess(program, await sqliteFile());
      expect(await process.ended()).toBe(1);
      expect(process.output).toContain('DATABASE_URL: must be postgres://');
    },
  );
});
