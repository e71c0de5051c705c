import { describe, expect, it } from 'vitest';
import { parseDatabaseUrl, requireServer } from './database-url.ts';

describe('DATABASE_URL', () => {
  it.each([
    ['sqlite:data/a.db', { type: 'sqlite', path: 'data/a.db' }],
    ['sqlite:/var/a.db', { type: 'sqlite', path: '/var/a.db' }],
    ['sqlite:///data/a.db', { type: 'sqlite', path: 'data/a.db' }],
    ['sqlite:////var/a.db', { type: 'sqlite', path: '/var/a.db' }],
    ['postgres://u:p@h:5432/d', { type: 'postgres', url: 'postgres://u:p@h:5432/d' }],
    ['postgresql://h/d?sslmode=require', { type: 'postgres', url: 'postgresql://h/d?sslmode=require' }],
  ])('%s', (url, expected) => {
    expect(parseDatabaseUrl(url)).toEqual(expected);
  });

  it.each(['', 'sqlite:', 'mysql://u:secret@h/d', 'data/a.db', 'postgres://[', 'sqlite://host/a.db'])(
    'refuses %o without repeating it',
    (url) => {
      expect(() => parseDatabaseUrl(url)).toThrow(/^(?!.*secret)/);
      expect(() => parseDatabaseUrl(url)).toThrow(/sqlite:PATH/);
    },
  );

  it('must name a server for a process of its own', () => {
    expect(() => requireServer('sqlite:data/a.db')).toThrow(/must be postgres/);
    expect(() => requireServer('postgres://h/d')).not.toThrow();
  });
});
