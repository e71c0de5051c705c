/** DATABASE_URL, read and checked. */
import { ConfigError } from '@prosemill/core';

export type DatabaseLocation =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'postgres'; readonly url: string };

/**
 * `sqlite:PATH`, `sqlite:///RELATIVE`, `sqlite:////ABSOLUTE`, `postgres://…` or `postgresql://…`.
 * @throws {ConfigError} for anything else, without repeating it: it may hold a password
 */
export function parseDatabaseUrl(url: string): DatabaseLocation {
  const path = /^sqlite:(?:\/\/\/)?(.+)$/s.exec(url)?.[1];
  if (path !== undefined && !path.startsWith('//')) return { type: 'sqlite', path };
  if (/^postgres(?:ql)?:\/\//.test(url) && URL.canParse(url)) return { type: 'postgres', url };
  throw new ConfigError([
    'DATABASE_URL: must be sqlite:PATH, sqlite:///RELATIVE, sqlite:////ABSOLUTE, postgres://… or postgresql://…',
  ]);
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
