/** The measured service: standalone with SQLite, or an API process and a worker process with a Postgres of its own. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchPostgres } from '@prosemill/testkit';
import { onWorkerCore } from './cores.ts';
import { listeningUrl } from './listening-url.ts';
import { type ProcessGroup, startGroup } from './process-group.ts';
import type { Server } from './servers/server.ts';

export const databases = ['SQLite', 'Postgres'] as const;
export type Database = (typeof databases)[number];

export interface MeasuredServiceOptions {
  readonly database: Database;
  /** Environment variables, such as MODEL, besides those that all measurements have in common. */
  readonly settings: Readonly<Record<string, string>>;
  /** The worker has a core of its own. Default: false. */
  readonly isApart?: boolean;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The Postgres is not suspended with the processes: it idles without them. */
export async function launchMeasuredService({
  database,
  settings,
  isApart = false,
}: MeasuredServiceOptions): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-bench-'));
  const postgres = database === 'Postgres' ? await launchPostgres() : null;
  const env = {
    DATABASE_URL: postgres?.url ?? `sqlite:${join(folder, 'bench.db')}`,
    MODEL_DIR: join(root, 'data/models'),
    PORT: '0',
    WORKER_PORT: '0',
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_PRETTY: 'false',
    ...settings,
  };
  const node = { execPath: process.execPath, execArgv: [] as string[] };
  const run = async (program: string, { execPath, execArgv } = node): Promise<ProcessGroup> =>
    await startGroup(execPath, [...execArgv, program], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  if (postgres !== null) {
    const migration = await run('apps/api/src/commands/migrate.ts');
    await once(migration.child, 'exit');
    await migration.end();
  }
  const api = await run(`apps/${postgres === null ? 'standalone' : 'api'}/src/main.ts`);
  const workers = postgres === null ? [] : [await run('apps/worker/src/main.ts', isApart ? onWorkerCore() : node)];
  const groups = [api, ...workers];
  for (const { child } of workers) child.stdout?.resume();
  return {
    url: await listeningUrl(api.child),
    suspend: () => groups.forEach((group) => group.suspend()),
    resume: () => groups.forEach((group) => group.resume()),
    hasEnded: () => groups.some((group) => group.hasEnded()),
    async stop() {
      // The queue may still be full, and nobody needs it.
      await Promise.all(groups.map(async (group) => await group.end()));
      await postgres?.stop();
      await rm(folder, { recursive: true });
    },
  };
}
