/** Starting, stopping and dying: exit codes, one line for what is wrong, and nothing lost. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobBody } from '@prosemill/contract';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import {
  childProcesses,
  createTestDatabase,
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

const root = fileURLToPath(new URL('..', import.meta.url));
const longRequest = { prompt: 'Once upon a time', max_new_tokens: 480, top_k: 0, temperature: 1.3 };

async function sqliteFile(): Promise<{ readonly DATABASE_URL: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-e2e-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  return { DATABASE_URL: `sqlite:${join(folder, 'prosemill.db')}` };
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

/** The first that a worker is in the middle of. */
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

/** What a process says that does not start with this. */
async function refusalOf(environment: Environment): Promise<string> {
  const process = new ServiceProcess('apps/standalone/src/main.ts', environment);
  expect(await process.ended()).toBe(1);
  return process.output;
}

describe('the service in one process', () => {
  it('asks for keys where other machines reach the port, says so, and lets ADMIN_KEY make the first', async () => {
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

  it('hands back what it cannot finish on Ctrl-C, exits 0, and goes on with it when it is started again', async () => {
    const environment = { ...(await sqliteFile()), SHUTDOWN_GRACE_SECONDS: '0' };
    const first = stopAtEnd(await launchStandalone(environment));
    const request = await createClient(first.url);
    const ids = await submitMany(request, 4);
    await someRunning(request);
    const begin = performance.now();
    expect(await first.stop('SIGINT')).toEqual([0]);
    // Promised to who presses Ctrl-C.
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(first.processes[0]?.log.at(-1)).toMatchObject({ msg: 'stopped' });

    const second = stopAtEnd(await launchStandalone(environment));
    const jobs = await expectAllSucceed(await createClient(second.url), ids);
    // None was lost, and a hand-back is no failure: it costs no attempt of the three.
    expect(Math.max(...jobs.map(({ attempt }) => attempt))).toBeLessThanOrEqual(2);
    expect(await second.stop()).toEqual([0]);
  });

  it('hands back its jobs when its terminal is closed, which the engine hears too', async () => {
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

  it('lets a short job finish, and answers who waits for it', async () => {
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

  it('takes up a job whose process was killed', async () => {
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

  it('lists everything that is wrong with its configuration', async () => {
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

  it('refuses a failpoint in production, and one that it does not know', async () => {
    expect(await refusalOf({ FAILPOINT: 'worker.after_claim:kill9', NODE_ENV: 'production' })).toContain(
      '- FAILPOINT: must not be set when NODE_ENV is production',
    );
    expect(await refusalOf({ FAILPOINT: 'nowhere:kill9' })).toContain(
      '- FAILPOINT: must be one of submit.after_commit, ',
    );
  });

  it('says which port is taken', async () => {
    const first = stopAtEnd(await launchStandalone(await sqliteFile()));
    const { port } = new URL(first.url);
    const environment = { ...(await sqliteFile()), PORT: port, MODEL: 'shipped' };
    const second = new ServiceProcess('apps/standalone/src/main.ts', environment);
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(new RegExp(`^prosemill: PORT ${port} of HOST 127.0.0.1 is in use .*EADDRINUSE.*\n$`));
  });

  it('says why the chosen model is not available, and does not run another', async () => {
    const environment = { ...(await sqliteFile()), PORT: '0', MODEL: '/no/such/folder' };
    const process = new ServiceProcess('apps/standalone/src/main.ts', environment);
    expect(await process.ended()).toBe(1);
    expect(process.output).toMatch(/^prosemill: .*\/no\/such\/folder.*\n$/);
  });
});

async function modelEnvironment(hub: HubServer): Promise<Environment> {
  const modelDir = await mkdtemp(join(tmpdir(), 'prosemill-e2e-'));
  onTestFinished(async () => await rm(modelDir, { recursive: true }));
  return { ...(await sqliteFile()), HF_ENDPOINT: hub.url, MODEL: 'acme/tiny', MODEL_DIR: modelDir };
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

  it('gives way to the shipped model when MODEL is not set and the hub has the wrong one, and says so', async () => {
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
  it('hand a job over from a worker that is stopped to the next one', async () => {
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

  it('answer 202 to who waits when the API is stopped', async () => {
    const service = stopAtEnd(await launchSeparate(await postgresDatabase()));
    const request = await createClient(service.url);
    // Nobody works on it.
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

async function generate(args: readonly string[]) {
  const process = new ServiceProcess('apps/standalone/src/generate.ts', { MODEL: 'shipped' }, { args });
  return { code: await process.ended(), output: process.output };
}

describe('pnpm generate', () => {
  it('writes the text to the terminal', async () => {
    const { code, output } = await generate(['Once upon a time', '--max-new-tokens', '10', '--temperature', '0']);
    expect(code).toBe(0);
    expect(output).toMatch(/^Once upon a time\w*.+/);
    expect(output).toContain('[tiny-tales, 4 + 10 tokens');
  });

  it('writes nothing before a prompt that is refused', async () => {
    const { code, output } = await generate(['Once upon a time', '--max-new-tokens', '99999']);
    expect(code).toBe(1);
    expect(output).toMatch(/^prosemill: The prompt has 4 tokens/);
  });

  it('ends with its text so far on Ctrl-C, as shells expect', async () => {
    const args = ['apps/standalone/src/generate.ts', 'Once upon a time', '--max-new-tokens', '500'];
    const child = spawn(process.execPath, args, { cwd: root, env: { PATH: process.env['PATH'], ...testEnvironment } });
    const exited = once(child, 'exit');
    const errorOutput = text(child.stderr);
    let output = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      if (output === '') child.kill('SIGINT');
      output += String(chunk);
    }
    expect(await exited).toEqual([130, null]);
    expect(output).toMatch(/^Once upon a time[^]*\n$/);
    expect(await errorOutput).toMatch(/^\[tiny-tales, .* finish reason canceled\]\n$/);
  });

  it('ends quietly when its reader has what it wants', async () => {
    const command = `'${process.execPath}' apps/standalone/src/generate.ts 'Once upon a time' --seed 1 | head -c 20`;
    const child = spawn('sh', ['-c', command], { cwd: root, env: { PATH: process.env['PATH'], ...testEnvironment } });
    const [output, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect([output.length, error]).toEqual([20, '']);
  });

  it.each([
    [[], 'usage: pnpm generate'],
    [['a', '--top-p', '7'], '--top-p: '],
    [['a', '--seed', ''], '--seed: must be a number in plain decimals, not ""'],
    [['a', '--seed', '0x10'], '--seed: '],
    [['a', '--seed=-1'], '--seed: '],
    [['a', '--top-k', '1e3'], '--top-k: '],
    [['a', '--temperature', ' 1'], '--temperature: '],
    [['a', '--nonsense', '7'], 'nonsense'],
    [['a'.repeat(501)], 'prompt'],
    [['a', '--stop', ''], '--stop: must not be empty'],
    [['a', ...['b', 'c', 'd', 'e', 'f'].flatMap((stop) => ['--stop', stop])], '--stop: Too big'],
  ])('says what is wrong with %o', async (args, expected) => {
    const { code, output } = await generate(args);
    expect(code).toBe(2);
    expect(output).toContain(expected);
    expect(output).not.toContain('    at ');
    expect(output).not.toContain('The configuration');
  });
});
