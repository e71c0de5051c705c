/** Stops and deaths of processes with running jobs: no lost job. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ProsemillClient } from '@prosemill/client';
import { childProcesses, createTestDatabase, freePort, openSql } from '@prosemill/testkit';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createCheckedClient } from './http-client.ts';
import { type Environment, launchSeparate, launchStandalone, ServiceProcess, testEnvironment } from './launch.ts';
import { expectAllSucceed, longRequest, sqliteFile, stopAtEnd, submitMany } from './lifecycle.ts';

async function postgresDatabase(): Promise<Environment> {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  return { DATABASE_URL: url };
}

/** A running job. */
async function someRunning(client: ProsemillClient): Promise<string> {
  const running = async () => (await client.jobs({ status: 'running' }).page()).data[0]?.id;
  await expect.poll(running, { interval: 5 }).toBeDefined();
  return (await running()) ?? '';
}

describe('the service in one process', () => {
  it('hands back unfinished jobs on Ctrl-C, exits 0, and continues them at the next start', async () => {
    const environment = { ...(await sqliteFile()), SHUTDOWN_GRACE_SECONDS: '0' };
    const first = stopAtEnd(await launchStandalone(environment));
    const client = await createCheckedClient(first.url);
    const ids = await submitMany(client, 4);
    await someRunning(client);
    const begin = performance.now();
    expect(await first.stop('SIGINT')).toEqual([0]);
    // The promise for Ctrl-C.
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(first.processes[0]?.log.at(-1)).toMatchObject({ msg: 'stopped' });

    const second = stopAtEnd(await launchStandalone(environment));
    const jobs = await expectAllSucceed(await createCheckedClient(second.url), ids);
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
    const client = await createCheckedClient(url);
    const ids = await submitMany(client, 2);
    const running = await someRunning(client);
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
    const client = await createCheckedClient(service.url);
    const answer = client.request('generate', { method: 'POST', body: { ...longRequest, seed: 1 } });
    await someRunning(client);
    expect(await service.stop('SIGTERM')).toEqual([0]);
    expect((await answer).status).toBeOneOf([200, 202]);
  });

  it('continues a job whose process was killed', async () => {
    const environment = { ...(await sqliteFile()), LEASE_SECONDS: '3' };
    const first = stopAtEnd(await launchStandalone(environment));
    const client = await createCheckedClient(first.url);
    const ids = await submitMany(client, 2);
    const killed = await someRunning(client);
    await first.stop('SIGKILL');
    const second = stopAtEnd(await launchStandalone(environment));
    const jobs = await expectAllSucceed(await createCheckedClient(second.url), ids);
    expect(jobs.find(({ id }) => id === killed)?.attempt).toBe(2);
  });
});

describe('API and worker as processes of their own', () => {
  it('hand a job over from a stopped worker to the next one', async () => {
    const environment = { ...(await postgresDatabase()), SHUTDOWN_GRACE_SECONDS: '0' };
    const service = stopAtEnd(await launchSeparate(environment));
    const client = await createCheckedClient(service.url);
    const ids = await submitMany(client, 3);
    await someRunning(client);
    const [, worker] = service.processes;
    expect(await worker?.stop('SIGTERM')).toBe(0);
    const workerEnvironment = { WORKER_PORT: '0', MODEL: 'shipped', WORKERS: '1', ...environment };
    const next = new ServiceProcess('apps/worker/src/main.ts', workerEnvironment);
    onTestFinished(async () => void (await next.stop('SIGKILL')));
    await expectAllSucceed(client, ids);
  });

  it('answer 202 to waiting clients when the API is stopped', async () => {
    const service = stopAtEnd(await launchSeparate(await postgresDatabase()));
    const client = await createCheckedClient(service.url);
    // With the worker stopped, the job stays queued.
    const [api, worker] = service.processes;
    await worker?.stop('SIGTERM');
    const waiting = client.request('generate', { method: 'POST', body: longRequest });
    await expect.poll(async () => (await client.jobs().page()).data.length).toBe(1);
    expect(await api?.stop('SIGTERM')).toBe(0);
    expect(await waiting).toMatchObject({ status: 202, body: { status: 'queued' } });
  });
});
