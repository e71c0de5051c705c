/** Engines that are no dependency of the project: installed from a lockfile of their own at the first run. */
import { execFile } from 'node:child_process';
import { access, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const source = fileURLToPath(new URL('../peers', import.meta.url));

/**
 * Installs them into the folder unless they are there. `install`, not `ci`, which wants the packages of every platform in the lockfile; what the lockfile names is installed as it says.
 * No install scripts, and without the optional packages, which are the builds for graphics cards and other platforms.
 * @throws {Error} when npm fails, as on a platform for which there is no build
 */
export async function installPeers(folder: string): Promise<void> {
  const isThere = await access(join(folder, 'node_modules/node-llama-cpp/package.json')).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  await mkdir(folder, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) await copyFile(join(source, name), join(folder, name));
  const options = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', ['install', ...options], { cwd: folder });
}
