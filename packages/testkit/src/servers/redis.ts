/** A Redis: from TEST_REDIS_URL, the PATH, Debian's package, or Docker. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DebianPackage, type Program, programOfDebian, programOnPath } from './debian-package.ts';
import type { PrivateServer, TestServer } from './server.ts';
import { freePort, ServerProcess } from './server-process.ts';

const run = promisify(execFile);

const names = ['redis-server', 'valkey-server'];
const debianPackage: DebianPackage = { packages: ['redis-server', 'redis-tools'], binary: 'bin/redis-server' };

export async function startRedis(): Promise<TestServer> {
  const given = process.env['TEST_REDIS_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: async () => undefined };
  return await launchRedis();
}

/**
 * A Redis in memory that never evicts, as the service needs it.
 * @param more  Settings with their names in redis.conf.
 */
export async function launchRedis(more: Readonly<Record<string, string>> = {}): Promise<PrivateServer> {
  const redis = await findRedis();
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-redis-'));
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', 'maxmemory-policy': 'noeviction', ...more };
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
  /** Arguments before the server's settings. `folder` is an empty folder for the server. */
  readonly args: (folder: string) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const plain = (program: Program | null): RedisCommand | null =>
  program === null ? null : { ...program, args: (folder) => ['--dir', folder] };

/**
 * Looks for a Redis in these four places, in this order.
 * @throws an error that lists them
 */
async function findRedis(): Promise<RedisCommand> {
  const failures: string[] = [];
  for (const [name, find] of [
    ['redis-server or valkey-server on the PATH', async () => plain(await programOnPath(names))],
    ['the Debian package', async () => plain(await programOfDebian(debianPackage))],
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
