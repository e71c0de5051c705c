/** A real Redis: from TEST_REDIS_URL, the PATH, Debian's package, or Docker. */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { PrivateServer, TestServer } from './server.ts';
import { freePort, ServerProcess } from './server-process.ts';

const run = promisify(execFile);

export async function startRedis(): Promise<TestServer> {
  const given = process.env['TEST_REDIS_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: async () => undefined };
  return await launchRedis();
}

/** In memory only, and never evicting, as the service wants it. */
export async function launchRedis(): Promise<PrivateServer> {
  const redis = await findRedis();
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-redis-'));
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', 'maxmemory-policy': 'noeviction' };
  const server = new ServerProcess({
    command: redis.command,
    args: [...redis.args(folder), ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])],
    options: { cwd: folder, env: { ...process.env, ...redis.env } },
    readyText: 'eady to accept connections',
  });
  await server.start();
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      server.signal('SIGCONT');
      await server.end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
    crash: async () => await server.end('SIGKILL'),
    restart: async () => await server.start(),
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
  };
}

interface RedisCommand {
  readonly command: string;
  /** Before the server's own settings; `folder` is empty and the server's. */
  readonly args: (folder: string) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const plain = (command: string, env: Record<string, string> = {}): RedisCommand => ({
  command,
  args: (folder) => ['--dir', folder],
  env,
});

/** The four ways, in this order. @throws an error that lists them */
async function findRedis(): Promise<RedisCommand> {
  const failures: string[] = [];
  for (const [name, find] of [
    ['redis-server or valkey-server on the PATH', fromPath],
    ['the Debian package', fromDebian],
    ['Docker', fromDocker],
  ] as const) {
    try {
      const found = await find();
      if (found !== null) return found;
      failures.push(`${name}: not there`);
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message.split('\n')[0] : 'failed'}`);
    }
  }
  throw new Error(
    `Tests need a real Redis. Set TEST_REDIS_URL, or have one of these (tried just now):\n${failures.map((line) => `  - ${line}`).join('\n')}`,
  );
}

async function fromPath(): Promise<RedisCommand | null> {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      if (await exists(join(folder, name))) return plain(join(folder, name));
    }
  }
  return null;
}

/** As root the package is installed; as anybody else it is unpacked into a cache folder. */
async function fromDebian(): Promise<RedisCommand | null> {
  if (!(await exists('/usr/bin/apt-get'))) return null;
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update'], { env });
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { env });
    return await fromPath();
  }
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'prosemill', 'redis');
  const binary = join(cache, 'root', 'usr', 'bin', 'redis-server');
  if (!(await exists(binary))) await unpackDebianRedis(cache);
  const libraries = join(cache, 'root', 'usr', 'lib');
  const folders = [libraries, ...(await readdir(libraries)).map((name) => join(libraries, name))];
  return plain(binary, { LD_LIBRARY_PATH: folders.join(':') });
}

/** `apt-get download` needs package lists: apt gets folders of its own, so that it may fetch them without root. */
async function unpackDebianRedis(cache: string): Promise<void> {
  const [state, archives, root] = ['state', 'archives', 'root'].map((name) => join(cache, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all(
    [join(state, 'lists', 'partial'), join(archives, 'partial'), root].map((folder) =>
      mkdir(folder, { recursive: true }),
    ),
  );
  const options = [
    '-o',
    `Dir::State::Lists=${join(state, 'lists')}`,
    '-o',
    `Dir::Cache=${archives}`,
    '-o',
    'Debug::NoLocking=1',
  ];
  await run('apt-get', [...options, 'update'], { cwd: archives });
  const packages = ['redis-server', 'redis-tools', ...(await dependenciesOf('redis-tools', options))];
  await run('apt-get', [...options, 'download', ...packages], { cwd: archives });
  const files = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  for (const file of files) await run('dpkg', ['-x', join(archives, file), root]);
}

/** The libraries that a package needs and this machine may lack; the C library is everywhere. */
async function dependenciesOf(name: string, options: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run('apt-cache', [...options, 'depends', '--no-recommends', '--no-suggests', name]);
  return [...stdout.matchAll(/^\s*(?:\|)?Depends: ([a-z\d.+-]+)$/gm)]
    .map(([, dependency]) => dependency ?? '')
    .filter((dependency) => dependency.startsWith('lib') && !/^lib(?:c6|gcc)/.test(dependency));
}

async function fromDocker(): Promise<RedisCommand | null> {
  await run('docker', ['info']);
  return {
    command: 'docker',
    args: () => [
      'run',
      '--rm',
      '--init',
      '--network',
      'host',
      '--entrypoint',
      'redis-server',
      'redis:7',
      '--dir',
      '/tmp',
    ],
    env: {},
  };
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
