/** The measured service: a Postgres, an API and a worker, each a process of its own, and processes of clients. */
import { type ChildProcess, fork, type ForkOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { childProcesses, type ExecuteSql, launchPostgres, openSql } from '@prosemill/testkit';
import { leaveWorkerCore, onWorkerCore, type Placement, useAllCores } from '../cores.ts';
import { cpuSecondsOf } from '../cpu-time.ts';
import { listeningUrl } from '../listening-url.ts';
import type { PageReply, PageTask } from '../pages/page-process.ts';
import type { ReadReply, ReadTask, StreamTimes } from './reader-process.ts';
import type { WorkerReport } from './worker-process.ts';

export interface StreamService {
  readonly url: string;
  readonly execute: ExecuteSql;
  readStreams(work: ReadTask['work']): Promise<readonly StreamTimes[]>;
  /** Opens pages that look at the machine. Resolves when each has its first event. */
  openPages(pages: number): Promise<void>;
  closePages(): Promise<PageReply>;
  apiMetrics(): Promise<string>;
  reportOfWorker(): Promise<WorkerReport>;
  /** CPU time of all processes of Postgres so far. */
  databaseCpuSeconds(): number;
  stop(): Promise<void>;
}

export interface StreamServiceOptions {
  readonly placement: Placement;
  /** A folder, or `shipped`. */
  readonly model: string;
  readonly slots: number;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));

export async function launchStreamService(options: StreamServiceOptions): Promise<StreamService> {
  const { model, slots, placement } = options;
  const isApart = placement === 'apart';
  // The processes that it starts stay on these cores too.
  if (isApart) leaveWorkerCore();
  const postgres = await launchPostgres();
  const postmaster = childProcesses(process.pid).find(({ command }) => /postgres -D /.test(command));
  if (postmaster === undefined) throw new Error('Postgres is no child of this process.');
  const environment = { DATABASE_URL: postgres.url, PORT: '0', LOG_PRETTY: 'false' };
  const run = (program: string): ChildProcess =>
    spawn(process.execPath, [program], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(run('apps/api/src/commands/migrate.ts'), 'exit');
  const api = run('apps/api/src/main.ts');
  const url = await listeningUrl(api);
  const settings = { DATABASE_URL: postgres.url, MODEL: model, WORKERS: String(slots), LOG_LEVEL: 'warn' };
  const workerArgs = [JSON.stringify({ ...settings, MODEL_DIR: `${root}data/models` })];
  const worker = forkProcess('worker-process.ts', workerArgs, isApart ? onWorkerCore() : {});
  await once(worker, 'message');
  const readers = forkProcess('reader-process.ts', []);
  const pages = forkProcess('../pages/page-process.ts', []);
  const sql = await openSql(postgres.url);
  return {
    url,
    execute: sql.execute,
    async readStreams(work) {
      const reply = await ask<ReadReply>(readers, { url, work } satisfies ReadTask);
      if ('error' in reply) throw new Error(reply.error);
      return reply.times;
    },
    async openPages(open) {
      await ask<PageReply>(pages, { open, url } satisfies PageTask);
    },
    closePages: async () => await ask<PageReply>(pages, 'close' satisfies PageTask),
    apiMetrics: async () => await (await fetch(`${url}/metrics`)).text(),
    databaseCpuSeconds: () => cpuSecondsOf(postmaster.pid),
    reportOfWorker: async () => await ask<WorkerReport>(worker, 'report'),
    async stop() {
      await sql.close();
      const ended = [worker, readers, pages, api].map(async (child) => await once(child, 'exit'));
      worker.disconnect();
      readers.disconnect();
      pages.disconnect();
      api.kill();
      await Promise.all(ended);
      await postgres.stop();
      if (isApart) useAllCores();
    },
  };
}

const forkProcess = (file: string, args: readonly string[], options: ForkOptions = {}): ChildProcess =>
  fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: [], ...options });

async function ask<Reply>(child: ChildProcess, message: object | string): Promise<Reply> {
  const answered = once(child, 'message');
  child.send(message);
  const [reply] = (await answered) as [Reply];
  return reply;
}
