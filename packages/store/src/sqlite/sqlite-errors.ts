/** Errors of an SQLite file: temporary ones with advice for the operator, and faults of the statement. */
import { constants, accessSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { SqliteError } from 'better-sqlite3';
import { databaseUnavailable } from '../database-errors.ts';

/** Faults of the statement, with which it fails again. */
const statementFault = /^SQLITE_(?:CONSTRAINT|ERROR|MISMATCH|MISUSE|RANGE|TOOBIG)/;

/**
 * A public message, without the path, and advice for the operator: a clause after the path with cause and remedy.
 * @see https://www.sqlite.org/rescode.html
 */
type Failure = readonly [codes: RegExp, message: string, advice: string];

const failures: readonly Failure[] = [
  [/^SQLITE_FULL/, 'The disk of the database is full.', 'cannot grow, as its disk is full: free some space'],
  [
    /^SQLITE_READONLY_DBMOVED/,
    'The database file was moved or deleted.',
    'was moved or deleted while it was in use: put it back, and start again',
  ],
  [
    /^SQLITE_READONLY/,
    'The database file cannot be written.',
    'cannot be written: this process needs write access to the file, its folder and its disk',
  ],
  [
    /^SQLITE_(?:CANTOPEN|PERM|AUTH|NOLFS)/,
    'The database file cannot be opened.',
    'cannot be opened: this process needs read and write access to the file and its folder',
  ],
  [
    /^SQLITE_(?:BUSY|LOCKED|PROTOCOL)/,
    'The database file is locked by another program.',
    'is in use by another Prosemill process. Stop that one, or the program that has the file open, or set DATABASE_URL to another file or to Postgres',
  ],
  [
    /^SQLITE_(?:CORRUPT|NOTADB|FORMAT)/,
    'The database file is damaged.',
    'is damaged, or no SQLite database: restore a backup, save what `sqlite3 FILE .recover` finds, or move it away to start with an empty one',
  ],
  [/^SQLITE_(?:NOMEM|IOERR_NOMEM)/, 'The database is out of memory.', 'needs more memory than this process gets'],
  [
    /^SQLITE_IOERR/,
    'The disk of the database reports an error.',
    'cannot be read or written: look at its disk, at quotas and limits of file sizes, and into the log of the system',
  ],
];
const other: Failure = [/(?:)/, 'The database cannot do this now.', 'could not be used this time'];

const failureOf = (code: string): Failure => failures.find(([codes]) => codes.test(code)) ?? other;

/** @returns the error itself when it is a fault of the statement or of this program */
export function fileStatementFailed(error: unknown, path: string): unknown {
  if (!(error instanceof SqliteError) || statementFault.test(error.code)) return error;
  const [, message, advice] = failureOf(error.code);
  const cause = new Error(`The database file ${path} ${advice} (${error.code}).`, { cause: error });
  return databaseUnavailable(message, cause);
}

/** The error, in one line, that ends the start when an SQLite file cannot be opened. */
export function fileOpenFailed(error: unknown, path: string): unknown {
  if (!(error instanceof SqliteError)) return error;
  const [, , advice] = failureOf(error.code);
  const reason = error.code.startsWith('SQLITE_CANTOPEN') ? reasonNotToOpen(path) : advice;
  return new Error(`The database file ${path} ${reason} (${error.code}).`, { cause: error });
}

/** Finds the reason why a file cannot be opened, which SQLite does not tell. */
function reasonNotToOpen(path: string): string {
  const folder = dirname(path);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return 'is a folder: add the name of the file';
  for (const [place, name] of [
    [folder, `its folder ${folder}`],
    [path, 'the file'],
  ] as const) {
    try {
      accessSync(place, constants.R_OK | constants.W_OK);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code !== 'ENOENT') return `cannot be opened: this process may not write ${name} (${code})`;
    }
  }
  return `cannot be made or opened in the folder ${folder}: this process needs read and write access there`;
}
