/** Reads and checks DATABASE_URL. */
import { ConfigError } from '@prosemill/core';
import { type CheckedUrl, readPostgresUrl } from './postgres/postgres-url.ts';

export type DatabaseLocation =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'postgres'; readonly url: string };

const shape = 'must be sqlite:PATH, sqlite:///RELATIVE, sqlite:////ABSOLUTE, postgres://… or postgresql://…';

/** Checks a URL, and normalizes a URL of Postgres. The result may be read again, and is then unchanged. */
export function readDatabaseUrl(url: string): CheckedUrl {
  const problem = problemAround(url);
  if (problem !== null) return { url, problems: [problem] };
  if (/^postgres(?:ql)?:\/\//.test(url)) return readPostgresUrl(url);
  return { url, problems: url.startsWith('sqlite:') ? problemsOfPath(url) : [shape] };
}

/** Finds characters that .env files, dashboards and copied shell lines leave around a value. */
function problemAround(url: string): string | null {
  if (url.trim() !== url) return 'has blanks or a line break around it: remove them';
  if (/^["'`]|["'`]$/.test(url)) return 'has quotes around it: write it without them';
  if (/\p{Cc}/u.test(url)) return 'has a line break or another control character in it';
  return null;
}

const pathOf = (url: string): string => /^sqlite:(?:\/\/\/)?(.*)$/s.exec(url)?.[1] ?? '';

function problemsOfPath(url: string): readonly string[] {
  const path = pathOf(url);
  if (path === '') return [`${shape}; the path is missing`];
  if (path.startsWith('//')) return [`${shape}; a file has no host`];
  if (path.endsWith('/')) return ['names a folder: add the name of the file'];
  if (path.includes('?')) return ['has parameters (?…), and a path to an SQLite file has none'];
  if (path === ':memory:') return ['must name a file: a database in memory is lost when the process ends'];
  return [];
}

/** @throws {ConfigError} with all problems */
export function parseDatabaseUrl(text: string): DatabaseLocation {
  const { url, problems } = readDatabaseUrl(text);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `DATABASE_URL: ${problem}`));
  return url.startsWith('sqlite:') ? { type: 'sqlite', path: pathOf(url) } : { type: 'postgres', url };
}

/**
 * Checks that several processes can open the database, for an API or a worker that is a process of its own.
 * @throws {ConfigError} for SQLite
 */
export function requireServer(url: string): void {
  if (parseDatabaseUrl(url).type === 'postgres') return;
  throw new ConfigError([
    'DATABASE_URL: must be postgres://…, as an SQLite file belongs to one process; `pnpm start` runs everything in one',
  ]);
}
