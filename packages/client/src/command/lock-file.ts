/** A lock that dies with its process: a second run on the same results would write each of them twice. */
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from './exit-codes.ts';

const retryMs = 20;

/** @returns the function that unlocks. @throws {UsageError} while another process holds the lock */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  while (!(await take(path))) {
    const holder = await readHolder(path);
    if (holder === null) continue;
    if (isAlive(holder)) {
      throw new UsageError(
        `The process ${holder.pid} on ${holder.host} runs this batch. If it does not, remove ${path}.`,
      );
    }
    await removeStale(path);
  }
  return async () => await rm(path, { force: true });
}

/** @returns false: there is a lock */
async function take(path: string): Promise<boolean> {
  const draft = `${path}.${process.pid}`;
  try {
    // The lock has its content from its first moment on: an empty one would look as if nobody held it.
    await writeFile(draft, JSON.stringify({ pid: process.pid, host: hostname() }));
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Removes a lock whose process is gone. Several processes may find it: under a second lock each looks again, or it
 * would remove the new lock of the process that was faster. A lock that is gone is left alone, as it may be taken anew.
 */
async function removeStale(path: string): Promise<void> {
  const guard = `${path}.stale`;
  if (await take(guard)) {
    try {
      if (await isStale(path)) await rm(path, { force: true });
    } finally {
      await rm(guard, { force: true });
    }
  } else if (await isStale(guard)) await removeStale(guard);
  else await delay(retryMs);
}

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** A lock with other content is held by nobody. @returns null: there is no lock */
async function readHolder(path: string): Promise<Holder | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return { pid: 0, host: '' };
  }
}

async function isStale(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  return holder !== null && !isAlive(holder);
}

function isAlive({ pid, host }: Holder): boolean {
  if (host === '' || pid === process.pid) return false;
  // The processes of another machine cannot be seen.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
