/** Python packages from PyPI, pinned with hashes, in a virtual environment of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** @returns the folder of the environment's programs */
export async function installPythonPackages(requirements: string, environment: string): Promise<string> {
  const programs = join(environment, 'bin');
  await mkdir(dirname(environment), { recursive: true });
  const options = ['--quiet', '--disable-pip-version-check', '--require-hashes'];
  await run('python3', ['-m', 'venv', environment]);
  await run(join(programs, 'pip'), ['install', ...options, '-r', requirements]);
  return programs;
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const [code] = await once(spawn(program, args, { stdio: 'inherit' }), 'exit');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${String(code)}.`);
}
