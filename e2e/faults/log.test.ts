/** A log that cannot be written, and a log on a disk that becomes full. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, freePort, openSmallDisk, openSql } from '@prosemill/testkit';
import { expect, inject, it, onTestFinished } from 'vitest';
import { checkHistory } from '../proof/history/check-history.ts';
import { createHistoryRecorder } from '../proof/history/record-history.ts';
import { migrateDatabase, testEnvironment } from '../launch.ts';
import { defaultLimits } from './cluster.ts';
import { submitMany } from './fault-test.ts';
import { LoadClient } from './load-client.ts';
import { patience, until } from './until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
type Program = 'api' | 'worker' | 'standalone';

/** The complete lines of a log, and the number of incomplete ones. */
function readLog(logFile: string) {
  // A device has no end.
  const lines = statSync(logFile).isFile() ? readFileSync(logFile, 'utf8').trimEnd().split('\n') : [];
  const whole = lines.filter((line) => line.startsWith('{') && line.endsWith('}'));
  return {
    entries: whole.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>),
    torn: lines.length - whole.length,
  };
}

/** Starts programs of one service with their log in a file. */
async function launchOn(logFile: string, programs: readonly Program[]) {
  const { url: databaseUrl, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  await migrateDatabase({ DATABASE_URL: databaseUrl });
  const [port, workerPort] = [String(await freePort()), String(await freePort())];
  const children = programs.map((program) => {
    const log = openSync(logFile, 'a');
    const child = spawn(process.execPath, [`apps/${program}/src/main.ts`], {
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        ...testEnvironment,
        DATABASE_URL: databaseUrl,
        LOG_LEVEL: 'debug',
        PORT: port,
        WORKER_PORT: workerPort,
      },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  });
  const url = `http://127.0.0.1:${port}`;
  // A program that cannot log the reason of its end has only an exit code.
  const ended = children.map(async (child, index) => {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    throw new Error(`${programs[index]} ended (${code ?? signal}) before it was ready`);
  });
  const readyUrls = programs.map((program) => `http://127.0.0.1:${program === 'worker' ? workerPort : port}/readyz`);
  const ready = until(
    'the service to be ready',
    async () => (await Promise.all(readyUrls.map(async (each) => (await fetch(each)).ok))).every(Boolean),
    60_000,
  );
  await Promise.race([ready, ...ended]);
  const history = createHistoryRecorder({ limits: defaultLimits });
  const client = new LoadClient({ name: 'client', urls: () => [url], recorder: history });
  return { children, client, history, databaseUrl, logFile };
}

type LoggedService = Awaited<ReturnType<typeof launchOn>>;

/** Submits jobs and expects all to end with a text. */
async function expectWork({ client, databaseUrl }: LoggedService, count: number): Promise<void> {
  await submitMany(client, count);
  const connection = await openSql(databaseUrl);
  const open = `select count(*) as jobs from jobs where status <> 'succeeded'`;
  await until('all jobs to succeed', async () => Number((await connection.execute(open))[0]?.['jobs']) === 0, 60_000);
  await connection.close();
}

async function expectCleanEnd({ children, history, databaseUrl, logFile }: LoggedService): Promise<void> {
  const begin = performance.now();
  const codes = children.map(async (child) => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const [code] = (await exited) as [number | null];
    return code;
  });
  expect(await Promise.all(codes)).toEqual(children.map(() => 0));
  expect(performance.now() - begin).toBeLessThan(10_000 * patience);
  const connection = await openSql(databaseUrl);
  for (const entry of readLog(logFile).entries) history.addLogLine(entry);
  await history.readTables(connection.execute);
  await connection.close();
  expect(checkHistory(history.history)).toEqual([]);
}

it.each([[['standalone']], [['api', 'worker']]] as const)(
  '18: runs jobs and stops in order where the log can never be written (%s)',
  async (programs) => {
    const service = await launchOn('/dev/full', programs);
    await expectWork(service, 20);
    await expectCleanEnd(service);
  },
);

it('18: runs jobs while the disk of the log is full, and logs again when there is room', async () => {
  const disk = await openSmallDisk(512 * 1_024);
  onTestFinished(async () => await disk.close());
  const logFile = join(disk.path, 'log');
  const service = await launchOn(logFile, ['standalone']);
  await expectWork(service, 10);
  const load = expectWork(service, 20);
  disk.fill();
  await load;
  const sizeWhenFull = statSync(logFile).size;
  await expectWork(service, 20);
  expect(statSync(logFile).size).toBe(sizeWhenFull);
  disk.free();
  await expectWork(service, 10);
  await expectCleanEnd(service);
  const { entries, torn } = readLog(logFile);
  expect(torn).toBeLessThanOrEqual(1);
  expect(entries.map(({ msg }) => msg)).toContain('the log goes on; lines that could not be written are missing');
  expect(entries.at(-1)).toMatchObject({ msg: 'stopped' });
});
