/** The measured service: standalone with SQLite, or an API process and a worker process with a Postgres of its own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { launchPostgres } from '@prosemill/testkit';
import { type ProcessGroup, startGroup } from './process-group.ts';
import type { Server } from './servers/server.ts';

export const databases = ['SQLite', 'Postgres'] as const;
export type Database = (typeof databases)[number];

export interface MeasuredServiceOptions {
  readonly database: Database;
  /** Environment variables, such as MODEL, besides those that all measurements have in common. */
  readonly settings: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The Postgres is not suspended with the processes: it idles without them. */
export async function launchMeasuredService({ database, settings }: MeasuredServiceOptions): Promise<Server> {
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
  const run = async (program: string): Promise<ProcessGroup> =>
    await startGroup(process.execPath, [program], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  if (postgres !== null) {
    const migration = await run('apps/api/src/commands/migrate.ts');
    await once(migration.child, 'exit');
    await migration.end();
  }
  const programs = postgres === null ? ['standalone'] : ['api', 'worker'];
  const groups = await Promise.all(programs.map(async (name) => await run(`apps/${name}/src/main.ts`)));
  for (const { child } of groups.slice(1)) child.stdout?.resume();
  return {
    url: await listeningUrl(groups[0]?.child),
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
