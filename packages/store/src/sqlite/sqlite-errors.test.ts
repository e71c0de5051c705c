import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteError } from 'better-sqlite3';
import { AppError, errorLine, type Outcome } from '@prosemill/core';
import { newJob, openSmallDisk, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openStore } from '../index.ts';
import { fileStatementFailed } from './sqlite-errors.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prosemill-store-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const open = (path: string) => openStore({ url: `sqlite:${path}`, logger: silentLogger });

/** The message of a failed start. */
function lineOf(path: string): string {
  try {
    open(path);
  } catch (error) {
    return errorLine(error);
  }
  throw new Error('The file was opened.');
}

describe('a place where a database file cannot be opened', () => {
  it.each([
    [
      'a folder that cannot be made',
      () => '/proc/new/a.db',
      /^The folder \/proc\/new of the database file \/proc\/new\/a.db cannot be made: ENOENT.*mkdir/,
    ],
    ['a folder that is a file', () => '/etc/passwd/a.db', /^The folder \/etc\/passwd of .* cannot be made: /],
    [
      'a folder that takes no files',
      () => '/proc/a.db',
      /^The database file \/proc\/a.db cannot be (?:made or )?opened.* \(SQLITE_CANTOPEN\)/,
    ],
    [
      'a folder itself',
      () => folder,
      /^The database file .* is a folder: add the name of the file \(SQLITE_CANTOPEN\w*\)/,
    ],
  ])('%s: the start says which', (_, path, line) => {
    expect(lineOf(path())).toMatch(line);
  });

  it('a file that is no database is named with the reason', () => {
    const path = join(folder, 'a.db');
    writeFileSync(path, 'This is no database. '.repeat(100));
    expect(() => open(path)).toThrow(
      /^The database file .*a\.db is damaged, or no SQLite database: .* \(SQLITE_NOTADB\)\.$/,
    );
  });

  it('a file that another program has open is named with the reason', async () => {
    const path = join(folder, 'a.db');
    const script = `const { DatabaseSync } = await import('node:sqlite');
      new DatabaseSync(process.argv[1]).exec('create table a (b); begin exclusive');
      process.stdout.write('locked'); setInterval(() => {}, 1_000);`;
    const other = spawn(process.execPath, ['--input-type=module', '--eval', script, path]);
    onTestFinished(() => void other.kill('SIGKILL'));
    await once(other.stdout, 'data');
    expect(() => open(path)).toThrow(/^The database file .*a\.db is in use by another/);
  });
});

const result = {
  completion: ' A text.',
  finishReason: 'length',
  modelName: 'a',
  usage: { promptTokens: 1, completionTokens: 2 },
  timeToFirstTokenMs: 1,
  generationMs: 2,
} as const;
const succeeded: Outcome = { type: 'succeeded', result };
const model = { name: 'a', revision: 'b', engine: 'batched', dtype: 'fp32', fingerprint: 'c' };

describe('a disk that is full', () => {
  it('refuses writes with the reason, answers reads, and takes the same writes when there is room', async () => {
    const disk = await openSmallDisk(4 * 1_024 * 1_024);
    onTestFinished(async () => await disk.close());
    mkdirSync(join(disk.path, 'data'));
    const path = join(disk.path, 'data', 'a.db');
    const store = open(path);
    onTestFinished(async () => await store.stop());
    await store.migrate();
    const job = await store.jobs.submit(newJob());
    const claimed = await store.jobs.claim({ workerId: 'w', leaseMs: 60_000, model, fromClass: 0 });
    expect(claimed?.job.id).toBe(job.id);
    expect(store.problem()).toBeNull();
    disk.fill();
    const key = { id: job.id, attempt: 1 };
    for (const write of [
      async () => await store.jobs.submit(newJob()),
      async () => await store.jobs.complete(key, succeeded),
    ]) {
      const failed: unknown = await write().catch((error: unknown) => error);
      expect(failed).toMatchObject({ code: 'database_unavailable', message: 'The disk of the database is full.' });
      expect(errorLine(failed)).toMatch(
        /^The disk of the database is full: The database file .*a\.db cannot grow, as its disk is full: free some space \(SQLITE_FULL\): database or disk is full$/,
      );
    }
    expect(store.problem()).toBe('The disk of the database is full.');
    expect(await store.jobs.find('local', job.id)).toMatchObject({ status: 'running' });
    disk.free();
    expect(await store.jobs.complete(key, succeeded)).toBe('applied');
    expect(await store.jobs.submit(newJob())).toMatchObject({ status: 'queued' });
    expect(store.problem()).toBeNull();
  });
});

const passing = `SQLITE_ABORT SQLITE_AUTH SQLITE_BUSY SQLITE_BUSY_RECOVERY SQLITE_BUSY_SNAPSHOT SQLITE_BUSY_TIMEOUT SQLITE_CANTOPEN
  SQLITE_CANTOPEN_DIRTYWAL SQLITE_CANTOPEN_FULLPATH SQLITE_CANTOPEN_ISDIR SQLITE_CANTOPEN_SYMLINK SQLITE_CORRUPT SQLITE_CORRUPT_INDEX
  SQLITE_FORMAT SQLITE_FULL SQLITE_INTERNAL SQLITE_INTERRUPT SQLITE_IOERR SQLITE_IOERR_FSYNC SQLITE_IOERR_READ SQLITE_IOERR_SHORT_READ
  SQLITE_IOERR_TRUNCATE SQLITE_IOERR_WRITE SQLITE_IOERR_NOMEM SQLITE_LOCKED SQLITE_LOCKED_SHAREDCACHE SQLITE_NOLFS SQLITE_NOMEM
  SQLITE_NOTADB SQLITE_PERM SQLITE_PROTOCOL SQLITE_READONLY SQLITE_READONLY_CANTLOCK SQLITE_READONLY_DBMOVED SQLITE_READONLY_DIRECTORY
  SQLITE_READONLY_RECOVERY SQLITE_SCHEMA`;
const permanent = `SQLITE_CONSTRAINT SQLITE_CONSTRAINT_UNIQUE SQLITE_ERROR SQLITE_MISMATCH SQLITE_MISUSE SQLITE_RANGE SQLITE_TOOBIG`;

const failed = (code: string): unknown => fileStatementFailed(new SqliteError('no', code), '/data/a.db');

describe('a result code', () => {
  it.each(passing.split(/\s+/))('%s is a fault of the file, which only the cause names', (code) => {
    const error = failed(code);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      code: 'database_unavailable',
      message: expect.not.stringContaining('/data') as string,
    });
    expect(errorLine(error)).toContain(`The database file /data/a.db`);
    expect(errorLine(error)).toContain(`(${code})`);
  });

  it.each(permanent.split(/\s+/))('%s is a fault of the statement', (code) => {
    expect(failed(code)).toMatchObject({ message: 'no', code });
  });
});
