/** Server programs from the PATH or from Debian's packages. */
import { execFile } from 'node:child_process';
import { access, mkdir, readdir } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Program {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface DebianPackage {
  /** The packages of the program and its own files. */
  readonly packages: readonly [string, ...string[]];
  /** A path below `/usr`. */
  readonly binary: `bin/${string}` | `sbin/${string}`;
}

/** Folders with servers, which are not on the PATH of ordinary users in Debian. */
const systemFolders = ['/usr/sbin', '/usr/local/sbin'];

/** The first of the names that the PATH has. */
export async function programOnPath(names: readonly string[]): Promise<Program | null> {
  for (const name of names) {
    for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...systemFolders]) {
      if (await exists(join(folder, name))) return { command: join(folder, name), env: {} };
    }
  }
  return null;
}

/**
 * Root installs the package; other users unpack it into a cache folder.
 * @returns null on a system without apt
 */
export async function programOfDebian({ packages, binary }: DebianPackage): Promise<Program | null> {
  if (!(await exists('/usr/bin/apt-get'))) return null;
  if (process.getuid?.() === 0) {
    await installAsRoot(packages);
    const command = join('/usr', binary);
    return (await exists(command)) ? { command, env: {} } : null;
  }
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'prosemill', packages[0]);
  const command = join(cache, 'root', 'usr', binary);
  if (!(await exists(command))) await unpack(packages, cache);
  const libraries = join(cache, 'root', 'usr', 'lib');
  const folders = [libraries, ...(await readdir(libraries)).map((name) => join(libraries, name))];
  return { command, env: { LD_LIBRARY_PATH: folders.join(':') } };
}

/**
 * Retries, because test files run side by side and apt refuses a second process. The run level keeps Debian from
 * starting the server.
 */
async function installAsRoot(packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const lock = join(tmpdir(), 'prosemill-apt.lock');
  const apt = async (...args: string[]) => await run('flock', [lock, 'apt-get', ...args], { env });
  await apt('update');
  await apt('install', '-y', '--no-install-recommends', ...packages);
}

/** Unpacks packages without root. `apt-get download` needs package lists, so apt gets folders of its own for them. */
async function unpack(packages: readonly string[], cache: string): Promise<void> {
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
  const dependencies = await Promise.all(packages.map(async (name) => await librariesOf(name, options)));
  const needed = new Set([...packages, ...dependencies.flat()]);
  await run('apt-get', [...options, 'download', ...needed], { cwd: archives });
  const files = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  for (const file of files) await run('dpkg', ['-x', join(archives, file), root]);
}

/** The libraries that a package needs and this machine may lack, without the C library. */
async function librariesOf(name: string, options: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run('apt-cache', [...options, 'depends', '--no-recommends', '--no-suggests', name]);
  return [...stdout.matchAll(/^\s*(?:\|)?Depends: ([a-z\d.+-]+)$/gm)]
    .map(([, dependency]) => dependency ?? '')
    .filter((dependency) => dependency.startsWith('lib') && !/^lib(?:c6|gcc)/.test(dependency));
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
