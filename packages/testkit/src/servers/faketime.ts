/** A skewed clock for a process: libfaketime, from the machine or from Debian's package. */
import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of the library in distributions, also below an unpacked package. */
const places = ['usr/lib/*/faketime/libfaketime.so.1', 'usr/lib/faketime/libfaketime.so.1'];

/**
 * @param skewMs  How far the clock is ahead of the machine's. Timers keep their pace.
 * @returns environment variables for the process
 * @throws an error with the ways to get libfaketime
 */
export async function skewedClock(skewMs: number): Promise<Readonly<Record<string, string>>> {
  return {
    LD_PRELOAD: await findLibrary(),
    FAKETIME: `${skewMs < 0 ? '-' : '+'}${Math.abs(skewMs) / 1_000}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

async function findLibrary(): Promise<string> {
  const found = libraryBelow('/') ?? (await fromDebian());
  if (found !== null) return found;
  throw new Error(
    'Tests with a wrong clock need libfaketime: install it, or have a Debian with apt-get (tried just now).',
  );
}

const libraryBelow = (root: string): string | null => globSync(places.map((place) => join(root, place)))[0] ?? null;

/** Root installs the package; other users unpack it into a cache folder. */
async function fromDebian(): Promise<string | null> {
  if (!existsSync('/usr/bin/apt-get')) return null;
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update'], { env });
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'libfaketime'], { env });
    return libraryBelow('/');
  }
  const root = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'prosemill', 'faketime');
  if (libraryBelow(root) === null) await unpack(root);
  return libraryBelow(root);
}

/** apt gets folders of its own, so that it can fetch its lists without root. */
async function unpack(root: string): Promise<void> {
  await mkdir(join(root, 'lists', 'partial'), { recursive: true });
  const options = [
    '-o',
    `Dir::State::Lists=${join(root, 'lists')}`,
    '-o',
    `Dir::Cache=${root}`,
    '-o',
    'Debug::NoLocking=1',
  ];
  await run('apt-get', [...options, 'update'], { cwd: root });
  await run('apt-get', [...options, 'download', 'libfaketime'], { cwd: root });
  for (const file of globSync(join(root, '*.deb'))) await run('dpkg', ['-x', file, root]);
}
