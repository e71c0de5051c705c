/** Checkouts of older versions, from the history of this repository. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
/** Kept between runs: a commit never changes. */
const cache = join(tmpdir(), 'prosemill-test-versions');

/** The last version whose databases have no columns `attempt` and `actor` in `job_events`. */
export const firstVersion = '0efdb8f23523c0321a96f1fe2a04eb00d3d013b8';

/**
 * Makes a folder with the sources of a commit and their dependencies. The first call takes some seconds.
 * @throws an error with instructions when this clone does not have the commit
 */
export async function checkOut(commit: string): Promise<string> {
  const folder = join(cache, commit);
  if (existsSync(folder)) return folder;
  await findCommit(commit);
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(join(cache, 'unfinished-'));
  try {
    const archive = join(unfinished, 'archive.tar');
    await run('git', ['archive', `--output=${archive}`, commit], { cwd: root });
    await run('tar', ['-xf', archive, '-C', unfinished]);
    await rm(archive);
    await install(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process was faster.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** Fetches the commit if a shallow clone lacks it. */
async function findCommit(commit: string): Promise<void> {
  if (await hasCommit(commit)) return;
  await run('git', ['fetch', '--depth=1', 'origin', commit], { cwd: root }).catch((error: unknown) => {
    throw new Error(
      `Tests of an upgrade run commit ${commit} of this repository, which this clone does not have and cannot fetch. Make the clone complete: git fetch --unshallow.`,
      { cause: error },
    );
  });
}

const hasCommit = async (commit: string): Promise<boolean> =>
  await run('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root }).then(
    () => true,
    () => false,
  );

/** Installs without install scripts, like the images: no runtime dependency needs one. */
async function install(folder: string): Promise<void> {
  const flags = ['--prod', '--frozen-lockfile', '--prefer-offline', '--ignore-scripts'];
  const filters = ['@prosemill/standalone...', '@prosemill/api...', '@prosemill/worker...'];
  await run('npx', ['-y', 'pnpm@12', 'install', ...flags, ...filters.map((name) => `--filter=${name}`)], {
    cwd: folder,
  });
}
