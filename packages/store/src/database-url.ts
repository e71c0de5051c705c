/** DATABASE_URL, read and checked. */
import { ConfigError } from '@prosemill/core';
import { type CheckedUrl, readPostgresUrl } from './postgres/postgres-url.ts';

export type DatabaseLocation =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'postgres'; readonly url: string };

const shape = 'must be sqlite:PATH, sqlite:///RELATIVE, sqlite:////ABSOLUTE, postgres://… or postgresql://…';

/** `sqlite:PATH`, `sqlite:///RELATIVE`, `sqlite:////ABSOLUTE`, `postgres://…` or `postgresql://…`. The result may be read again. */
export function readDatabaseUrl(url: string): CheckedUrl {
  const problem = problemAround(url);
  if (problem !== null) return { url, problems: [problem] };
  if (/^postgres(?:ql)?:\/\//.test(url)) return readPostgresUrl(url);
  return { url, problems: url.startsWith('sqlite:') ? problemsOfPath(url) : [shape] };
}

/** From .env files, dashboards and copied lines of a shell. */
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
  if (path.startsWith('//')) return [`${shape}; a file is on no host`];
  if (path.endsWith('/')) return ['names a folder: add the name of the file'];
  if (path.includes('?')) return ['has parameters (?…), and a path to an SQLite file has none'];
  if (path === ':memory:') return ['must name a file: what is only in memory is lost with the process'];
  return [];
}

/** @throws {ConfigError} with all problems */
export function parseDatabaseUrl(text: string): DatabaseLocation {
  const { url, problems } = readDatabaseUrl(text);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `DATABASE_URL: ${problem}`));
  return url.startsWith('sqlite:') ? { type: 'sqlite', path: pathOf(url) } : { type: 'postgres', url };
}

/**
 * An API or a worker as a process of its own needs a database that several processes can open.
 * @throws {ConfigError} for SQLite
 */
export function requireServer(url: string): void {
  if (parseDatabaseUrl(url).type === 'postgres') return;
  throw new ConfigError([
    'DATABASE_URL: must be postgres://…, since an SQLite file belongs to one process; `pnpm start` runs everything in one',
  ]);
}
