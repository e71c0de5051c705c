/** The service whose estimates are measured: the shipped model on one thread, with SQLite or a Postgres of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { launchPostgres } from '@prosemill/testkit';

export const databases = ['SQLite', 'Postgres'] as const;
export type Database = (typeof databases)[number];

export interface MeasuredService {
  readonly url: string;
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));

export async function launchMeasuredService(database: Database): Promise<MeasuredService> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-estimates-'));
  const postgres = database === 'Postgres' ? await launchPostgres() : null;
  const env = {
    DATABASE_URL: postgres?.url ?? `sqlite:${join(folder, 'bench.db')}`,
    MODEL: 'shipped',
    MODEL_DIR: join(root, 'data/models'),
    ENGINE_THREADS: '1',
    PORT: '0',
    WORKER_PORT: '0',
    MAX_QUEUE_LENGTH: '20000',
    MAX_QUEUED_TOKENS: '20000000',
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_PRETTY: 'false',
  };
  const run = (program: string): ChildProcess =>
    spawn(process.execPath, [program], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  if (postgres !== null) await once(run('apps/api/src/commands/migrate.ts'), 'exit');
  const processes =
    postgres === null
      ? [run('apps/standalone/src/main.ts')]
      : [run('apps/api/src/main.ts'), run('apps/worker/src/main.ts')];
  for (const { stdout } of processes.slice(1)) stdout?.resume();
  return {
    url: await listeningUrl(processes[0]),
    async stop() {
      // The queue is still full, and nobody needs it.
      for (const child of processes) child.kill('SIGKILL');
      await Promise.all(
        processes.map(async (child) => child.exitCode ?? child.signalCode ?? (await once(child, 'exit'))),
      );
      await postgres?.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function listeningUrl(child: ChildProcess | undefined): Promise<string> {
  if (child?.stdout == null) throw new TypeError('The output of the API is no pipe.');
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url } = JSON.parse(line) as { readonly msg: string; readonly url?: string };
    if (msg === 'the API listens' && url !== undefined) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error('The API does not listen.');
}
