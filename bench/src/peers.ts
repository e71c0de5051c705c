/** Installs engines that are not dependencies of the project, from a lockfile of their own, at the first run. */
import { execFile } from 'node:child_process';
import { access, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const source = fileURLToPath(new URL('../peers', import.meta.url));

/**
 * Installs the peers into the folder unless they are there. It runs `npm install` instead of `npm ci`, which requires
 * the packages of every platform in the lockfile; versions still come from the lockfile. Install scripts do not run,
 * and optional packages, which are builds for graphics cards and other platforms, are left out.
 * @throws {Error} when npm fails, for example on a platform without a build
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
