import { ConfigError } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { parseDatabaseUrl, requireServer } from './database-url.ts';

describe('DATABASE_URL', () => {
  it.each([
    ['sqlite:data/a.db', { type: 'sqlite', path: 'data/a.db' }],
    ['sqlite:/var/a.db', { type: 'sqlite', path: '/var/a.db' }],
    ['sqlite:///data/a.db', { type: 'sqlite', path: 'data/a.db' }],
    ['sqlite:////var/a b.db', { type: 'sqlite', path: '/var/a b.db' }],
  ])('%s', (url, expected) => {
    expect(parseDatabaseUrl(url)).toEqual(expected);
  });

  it.each([
    'postgres://u:p@h:5432/d',
    'postgresql://h/d',
    'postgres:///d?host=%2Frun%2Fpostgresql',
    'postgres://u@/d?host=%2Frun%2Fpostgresql',
    'postgres://%2Frun%2Fpostgresql/d',
    'postgres://u:p@[::1]:5432/d',
    'postgres://u:%40%23%2F%3F%25%3A:"|^`{}[]<>\\@h/my%20db',
    'postgres://u:pässwörd@h/d?application_name=a&options=-c+search_path%3Da',
    'postgres://h/d?sslmode=disable',
  ])('%s is taken as it is', (url) => {
    expect(parseDatabaseUrl(url)).toEqual({ type: 'postgres', url });
  });

  it.each([
    ['postgres://h/d?sslmode=require', 'sslmode=require&uselibpqcompat=true'],
    ['postgres://h/d?sslmode=no-verify', 'sslmode=require&uselibpqcompat=true'],
    ['postgres://h/d?sslmode=verify-full', 'sslmode=verify-full&uselibpqcompat=true'],
    ['postgres://h/d?ssl=true', 'sslmode=verify-full&uselibpqcompat=true'],
    ['postgres://h/d?ssl=0', 'sslmode=disable'],
    ['postgres://h/d?sslmode=require&sslrootcert=system', 'sslmode=verify-full&uselibpqcompat=true'],
    ['postgres://u@/d?host=/run&sslmode=verify-full', 'host=%2Frun&sslmode=disable'],
  ])('%s means for the driver: %s', (url, parameters) => {
    const location = parseDatabaseUrl(url);
    expect(location).toEqual({ type: 'postgres', url: `${url.split('?')[0]}?${parameters}` });
    expect(parseDatabaseUrl('url' in location ? location.url : '')).toEqual(location);
  });

  it.each([
    ['', /must be sqlite:PATH/],
    ['sqlite:', /path is missing/],
    ['sqlite:data/', /names a folder/],
    ['sqlite:a.db?mode=ro', /has parameters/],
    ['sqlite::memory:', /must name a file/],
    ['sqlite://host/a.db', /a file has no host/],
    ['mysql://u:secret@h/d', /must be sqlite:PATH/],
    ['data/a.db', /must be sqlite:PATH/],
    ['psql postgres://u:secret@h/d', /must be sqlite:PATH/],
    ['host=h password=secret', /must be sqlite:PATH/],
    ['"postgres://u:secret@h/d"', /has quotes around it/],
    [`'sqlite:a.db'`, /has quotes around it/],
    [' sqlite:a.db', /has blanks or a line break around it/],
    ['postgres://u:secret@h/d\n', /has blanks or a line break around it/],
    ['postgres://u:secret@h/d\u0000e', /control character/],
    ['postgres://u:sec%ret@h/d', /a % that is not followed by two hexadecimal digits/],
    ['postgres://u:secret%FF@h/d', /not UTF-8/],
    ['postgres://u:sec@ret@h/d', /write @ as %40/],
    ['postgres://u:sec#ret@h/d', /write # as %23/],
    ['postgres://u:sec/ret@h/d', /write \/ as %2F/],
    ['postgres://u:12/ret@h/d', /write \/ as %2F/],
    ['postgres://u:sec?ret@h/d', /\? as %3F/],
    ['postgres://u:sec ret@h/d', /write it as %20/],
    ['postgres://[/d', /no readable host/],
    ['postgres://::1/d', /port from 1 to 65535/],
    ['postgres://h:0/d', /port from 1 to 65535/],
    ['postgres://h:65536/d', /port from 1 to 65535/],
    ['postgres://h:5432x/d', /port from 1 to 65535/],
    ['postgres://h/d?port=x', /port must be from 1 to 65535/],
    ['postgres://a,b/d', /several hosts/],
    ['postgres://u@/d?host=a,b', /several hosts/],
    ['postgres://h/d?port=1&port=x', /port more than once/],
    ['postgres://h/d?sslmode=require&sslmode=disable', /sslmode more than once/],
    ['postgres://u:secret%00@h/d', /zero byte/],
    ['postgres://h', /names no database/],
    ['postgres://u:secret@h/?sslmode=require', /names no database/],
    ['postgres://h/d/e', /more than a database's name/],
    ['postgres://h/a%2Fb', /encoded character in the database's name/],
    ['postgres://u:secret@h/d?schema=public', /the unknown parameter "schema"/],
    ['postgres://h/d?ssl=false', /ssl must be true; instead of other values write sslmode=disable/],
    ['postgres://h/d?ssl=', /ssl must be true/],
    ['postgres://h/d?ssl=toString', /ssl must be true/],
    ['postgres://h/d?ssl=true&sslmode=require', /leave ssl out/],
    ['postgres://h/d?sslmode=bogus', /sslmode must be one of disable, require, verify-ca, verify-full/],
    ['postgres://h/d?sslmode=prefer', /write disable or require/],
    ['postgres://h/d?sslmode=verify-ca', /needs the file of a certificate authority/],
    [
      'postgres://h/d?sslmode=require&sslrootcert=/nowhere/a.crt',
      /sslrootcert: \/nowhere\/a.crt cannot be read: ENOENT/,
    ],
    ['postgres://h/d?sslmode=require&sslrootcert=/', /sslrootcert: \/ cannot be read: EISDIR/],
    [`postgres://h/d?sslrootcert=${import.meta.filename}`, /is not in PEM format|cannot be used/],
    ['postgres://h/d?sslmode=require&sslcert=/nowhere/a.crt', /sslcert and sslkey go together/],
    ['postgres://h/d?sslnegotiation=indirect', /sslnegotiation must be postgres or direct/],
    ['postgres://h/d?client_encoding=latin1', /client_encoding must be UTF8/],
  ])('refuses %o in words, without the password', (url, problem) => {
    const parse = () => parseDatabaseUrl(url);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(problem);
    expect(parse).toThrow(/^The configuration is not usable:\n {2}- DATABASE_URL: (?!.*(?:secret|ret@))/s);
  });

  it('must name a server for a process of its own', () => {
    expect(() => requireServer('sqlite:data/a.db')).toThrow(/must be postgres/);
    expect(() => requireServer('postgres://h/d')).not.toThrow();
  });
});
