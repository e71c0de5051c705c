/** A real disk that is small: a tmpfs, filled and freed by a file. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  /** A folder on it, for any account. */
  readonly path: string;
  /** Nothing more can be written. */
  fill(): void;
  free(): void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** @throws when this machine allows neither a mount nor a mount namespace of its own */
export async function openSmallDisk(sizeBytes: number): Promise<SmallDisk> {
  const mountPoint = mkdtempSync(join(tmpdir(), 'prosemill-disk-'));
  const holder = await mountAt(mountPoint, sizeBytes);
  // Through this link other processes of the same account see what is mounted in the namespace of the holder.
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

/** Without root: a namespace in which this account may mount, and a process that keeps it. */
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

/** Ctrl-C may have ended it before. */
async function end(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null || holder.signalCode !== null) return;
  const gone = once(holder, 'exit');
  holder.stdin?.end();
  await gone;
}

/** Page by page, so that no room is left for a single one. */
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
