/** A pgbouncer in front of a Postgres: from the PATH, or Debian's package. */
import { chownSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, programOfDebian, programOnPath } from './debian-package.ts';
import { unprivilegedAccount } from './postgres.ts';
import type { PrivateServer } from './server.ts';
import { freePort, ServerProcess } from './server-process.ts';

export type PoolMode = 'session' | 'transaction';

export interface PgbouncerOptions {
  /** The URL of the Postgres. pgbouncer serves all its databases, to its user alone. */
  readonly postgresUrl: string;
  readonly poolMode: PoolMode;
}

export interface Pgbouncer extends PrivateServer {
  /** Changes the mode for new connections, like `RELOAD`. */
  readonly setPoolMode: (poolMode: PoolMode) => Promise<void>;
}

/**
 * Starts pgbouncer with its defaults for all other settings.
 * @throws an error with the ways to get pgbouncer
 */
export async function launchPgbouncer({ postgresUrl, poolMode }: PgbouncerOptions): Promise<Pgbouncer> {
  const { command, env } = await findPgbouncer();
  const account = unprivilegedAccount();
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-pgbouncer-'));
  const port = await freePort();
  const upstream = new URL(postgresUrl);
  const [users, settings] = [join(folder, 'users.txt'), join(folder, 'pgbouncer.ini')];
  const writeSettings = async (mode: PoolMode) =>
    await writeFile(
      settings,
      `[databases]
* = host=${upstream.hostname} port=${upstream.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${mode}
`,
    );
  await writeFile(users, `"${decodeURIComponent(upstream.username)}" "${decodeURIComponent(upstream.password)}"\n`);
  await writeSettings(poolMode);
  if (account !== null) for (const path of [folder, users, settings]) chownSync(path, account.uid, account.gid);
  const server = new ServerProcess({
    command,
    args: [settings],
    options: { ...account, cwd: folder, env: { ...process.env, ...env } },
    readyText: 'process up',
  });
  await server.start();
  const url = new URL(postgresUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    async setPoolMode(mode) {
      await writeSettings(mode);
      server.signal('SIGHUP');
    },
    async stop() {
      server.signal('SIGCONT');
      // SIGTERM ends it at once, even with open connections.
      await server.end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
    crash: async () => await server.end('SIGKILL'),
    restart: async () => await server.start(),
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
  };
}

async function findPgbouncer(): Promise<Program> {
  let cause: unknown;
  const found =
    (await programOnPath(['pgbouncer'])) ??
    (await programOfDebian({ packages: ['pgbouncer'], binary: 'sbin/pgbouncer' }).catch((error: unknown) => {
      cause = error;
      return null;
    }));
  if (found !== null) return found;
  throw new Error('This test needs a real pgbouncer: on the PATH, or as a Debian package that apt-get can install.', {
    cause,
  });
}
