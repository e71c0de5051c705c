/** A lock that dies with its process: a second run on the same results would write each of them twice. */
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { UsageError } from './exit-codes.ts';

/** @returns the function that unlocks. @throws {UsageError} while another process holds the lock */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  const own = JSON.stringify({ pid: process.pid, host: hostname() });
  const draft = `${path}.${process.pid}`;
  for (;;) {
    try {
      // The lock has its content from its first moment on: an empty one would look as if nobody held it.
      await writeFile(draft, own);
      await link(draft, path);
      return async () => await rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(draft, { force: true });
    }
    const holder = await readHolder(path);
    if (isAlive(holder)) {
      throw new UsageError(
        `The process ${holder.pid} on ${holder.host} runs this batch. If it does not, remove ${path}.`,
      );
    }
    await rm(path, { force: true });
  }
}

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** A lock that has gone meanwhile, or has other content, is held by nobody. */
async function readHolder(path: string): Promise<Holder> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return { pid: 0, host: '' };
  }
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
