/** Checks an earlier version of the engine out, and installs its packages. */
import { mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { run, runOnce, type StepReport } from '../servers/install.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * @param folder  Filled at the first run.
 * @throws {Error} when git does not have the commit, for example in a shallow clone
 */
export async function checkOutEngine(commit: string, folder: string, report: StepReport): Promise<void> {
  const title = `installs the engine of commit ${commit}`;
  await runOnce({ marker: `${folder}.done`, input: commit, title, ...report }, async () => {
    const archive = `${folder}.tar`;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await run('git', ['archive', '--output', archive, commit], { cwd: root });
    await run('tar', ['xf', archive, '-C', folder]);
    await rm(archive);
    const install = ['install', '--frozen-lockfile', '--filter', '@prosemill/engine...'];
    await run('npx', ['-y', 'pnpm@12', ...install], { cwd: folder });
  });
}
