/** A small disk: a tmpfs that a file fills and frees. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  /** A folder on the disk, for any account. */
  readonly path: string;
  /** Leaves no free space on the disk. */
  fill(): void;
  free(): void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** @throws an error when this machine allows neither a mount nor a mount namespace */
export async function openSmallDisk(sizeBytes: number): Promise<SmallDisk> {
  const mountPoint = mkdtempSync(join(tmpdir(), 'prosemill-disk-'));
  const holder = await mountAt(mountPoint, sizeBytes);
  // Through this link other processes of the same account see the mounts of the holder's namespace.
  const path = holder === null ? mountPoint : `/proc/${String(holder.pid)}/root${mountPoint}`;
  const ballast = join(path, 'ballast');
  let isOpen = true;
  return {
    path,
    fill: () => writeUntilFull(ballast),
    free: () => rmSync(ballast, { force: true }),
    async close() {
      if (!isOpen) return;
      isOpen = false;
      if (holder === null) execFileSync('umount', ['--lazy', mountPoint]);
      else await end(holder);
      await rm(mountPoint, { recursive: true });
    },
  };
}

/** @returns the process that keeps the mount; null for a mount of the whole machine */
async function mountAt(mountPoint: string, sizeBytes: number): Promise<ChildProcess | null> {
  const mount = `mount -t tmpfs -o size=${sizeBytes},mode=1777 prosemill ${mountPoint}`;
  try {
    if (process.getuid?.() !== 0) return await holdNamespace(mount);
    execFileSync('sh', ['-c', mount]);
    return null;
  } catch (error) {
    rmSync(mountPoint, { recursive: true });
    throw new Error('A small disk needs the right to mount: root, or unshare(1) with user namespaces.', {
      cause: error,
    });
  }
}

/** Mounts without root: starts a process in a mount namespace of its own, which keeps the mount. */
async function holdNamespace(mount: string): Promise<ChildProcess> {
  const script = `${mount} && echo ready && exec cat`;
  const holder = spawn('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit').then(([code]) => {
    throw new Error(`unshare ended with ${String(code)}.`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(holder.stdout, 'data'), ended]);
  return holder;
}

/** Ctrl-C may have ended the holder before. */
async function end(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null || holder.signalCode !== null) return;
  const gone = once(holder, 'exit');
  holder.stdin?.end();
  await gone;
}

/** Writes page by page, so that not a single free page is left. */
function writeUntilFull(path: string): void {
  const page = Buffer.alloc(4_096);
  const file = openSync(path, 'a');
  try {
    for (;;) writeSync(file, page);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}
