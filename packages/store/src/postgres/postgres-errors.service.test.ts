import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { AppError, errorLine, newId, type Store } from '@prosemill/core';
import { createTestDatabase, newJob, openSql, silentLogger } from '@prosemill/testkit';
import { DatabaseError } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openStore } from '../index.ts';
import { unavailable, statementFailed } from './postgres-errors.ts';

function openForTest(url: string): Store {
  const store = openStore({ url, logger: silentLogger });
  onTestFinished(async () => await store.stop());
  return store;
}

/** The log line of a call that fails because the database is unavailable. */
async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'database_unavailable', retryable: true });
  return errorLine(error);
}

const find = async ({ jobs }: Store): Promise<unknown> => await jobs.find('local', newId());

/** A migrated database that belongs to a role of its own. */
async function databaseOfRole() {
  const database = await createTestDatabase(inject('postgresUrl'));
  const url = new URL(database.url);
  const role = `role_${randomBytes(4).toString('hex')}`;
  const name = url.pathname.slice(1);
  const admin = await openSql(inject('postgresUrl'));
  onTestFinished(async () => {
    await database.drop();
    await admin.execute(`drop role ${role}`);
    await admin.close();
  });
  await admin.execute(`create role ${role} login password 'secret'`);
  await admin.execute(`alter database ${name} owner to ${role}`);
  url.username = role;
  url.password = 'secret';
  const store = openForTest(url.href);
  await store.migrate();
  const inside = await openSql(database.url);
  onTestFinished(async () => await inside.close());
  const cutConnections = `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`;
  return { store, role, name, admin: admin.execute, inside: inside.execute, cutConnections, drop: database.drop };
}

describe('a Postgres that worked before', () => {
  it('may lock the role, and unlock it', async () => {
    const { store, role, admin, cutConnections } = await databaseOfRole();
    await admin(`alter role ${role} nologin`);
    await admin(cutConnections);
    await expect
      .poll(async () => await reasonOf(find(store)))
      .toMatch(/^The database refuses the role or its password: role "role_\w+" is not permitted to log in$/);
    await admin(`alter role ${role} login`);
    await expect.poll(async () => await find(store).catch(() => 'away')).toBeNull();
  });

  it('may revoke rights, and grant them again', async () => {
    const { store, role, inside } = await databaseOfRole();
    await inside(`revoke insert on jobs from ${role}`);
    expect(await reasonOf(store.jobs.submit(newJob()))).toMatch(
      /^The database role lacks a permission: permission denied for table jobs$/,
    );
    await inside(`grant insert on jobs to ${role}`);
    expect(await store.jobs.submit(newJob())).toMatchObject({ status: 'queued' });
  });

  it('may lose the database itself', async () => {
    const { store, name, admin } = await databaseOfRole();
    await admin(`alter database ${name} allow_connections false`);
    await admin(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
    await expect.poll(async () => await reasonOf(find(store))).toMatch(/not currently accepting connections/);
    await admin(`alter database ${name} rename to ${name}_away`);
    expect(await reasonOf(find(store))).toMatch(/^The database does not exist: database "test_\w+" does not exist$/);
    await admin(`alter database ${name}_away rename to ${name}`);
    await admin(`alter database ${name} allow_connections true`);
    await expect.poll(async () => await find(store).catch(() => 'away')).toBeNull();
  });
});

/** A server that is not Postgres. */
async function listen(onConnection: (socket: Socket) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

describe('a Postgres that cannot be reached', () => {
  it.each([
    ['a socket that is not there', '/database?host=/nowhere&user=user', /ENOENT/],
    ['a socket in something that is no folder', '/database?host=/etc/passwd&user=user', /ENOTDIR/],
    ['a host that is not known', 'user:secret@host.invalid/database', /ENOTFOUND|EAI_AGAIN/],
    [
      'an address that is nobody',
      'user:secret@255.255.255.255/database',
      /EACCES|ENETUNREACH|ECONNREFUSED|EINVAL|timeout/,
    ],
  ])('%s', async (_, place, reason) => {
    expect(await reasonOf(find(openForTest(`postgres://${place}`)))).toMatch(reason);
  });

  it('a server that hangs up', async () => {
    const address = await listen((socket) => socket.end());
    expect(await reasonOf(find(openForTest(`postgres://user@${address}/database`)))).toMatch(/terminated/);
  });

  it('a server of another protocol', async () => {
    const address = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await reasonOf(find(openForTest(`postgres://user@${address}/database`)))).toMatch(/cannot be reached/);
  });

  it('a server that begins TLS and hangs up', async () => {
    const address = await listen((socket) => {
      socket.once('data', () => {
        socket.write('S');
        socket.once('data', () => socket.destroy());
      });
    });
    const url = `postgres://user@${address}/database?sslmode=verify-full`;
    expect(await reasonOf(find(openForTest(url)))).toMatch(/cannot be reached/);
  });

  it('a server that wants a password, where the URL has none', async () => {
    // AuthenticationSASL, with one mechanism.
    const mechanisms = Buffer.from('\0\0\0\u000ASCRAM-SHA-256\0\0', 'latin1');
    const length = Buffer.alloc(4);
    length.writeInt32BE(mechanisms.length + 4);
    const address = await listen((socket) => {
      socket.once('data', () => {
        socket.write(Buffer.concat([Buffer.from('R'), length, mechanisms]));
        // AuthenticationSASLContinue.
        socket.once('data', () => socket.write(Buffer.from('R\0\0\0\u000B\0\0\0\u000Br=a', 'latin1')));
      });
    });
    expect(await reasonOf(find(openForTest(`postgres://user@${address}/database`)))).toMatch(
      /^The database wants a password, and DATABASE_URL has none: SASL: /,
    );
  });
});

/** Codes of temporary failures: from appendix A of the manual of Postgres 18, and from poolers. */
const passing = `08000 08003 08006 08001 08004 08007 08P01 0P000 24000 25000 25001 25002 25006 25008 25P01 25P02 25P03 25P04 26000
  28000 28P01 2D000 34000 3B000 3B001 3D000 3F000 40000 40001 40003 40P01 42501 53000 53100 53200 53300 53400 54000 55000 55006
  55P02 55P03 55P04 57000 57014 57P01 57P02 57P03 57P04 57P05 58000 58030 58P01 58P02 58P03 72000 F0000 F0001 HV00N XX000 XX001 XX002`;
const permanent = `0A000 20000 21000 22000 22001 22003 22012 22021 22023 22P02 22P05 23000 23502 23503 23505 23514 27000 2F000 38000
  39000 40002 42601 42804 42883 42P07 44000 54001 54011 54023 P0001`;
const systemErrors = `EACCES EADDRNOTAVAIL EAI_AGAIN EAI_FAIL ECONNABORTED ECONNREFUSED ECONNRESET EHOSTDOWN EHOSTUNREACH EMFILE
  ENETDOWN ENETRESET ENETUNREACH ENFILE ENOBUFS ENOENT ENOMEM ENOTCONN ENOTFOUND EPERM EPIPE EPROTO ETIMEDOUT ERR_SSL_BAD_DECRYPT
  ERR_STREAM_DESTROYED ERR_TLS_CERT_ALTNAME_INVALID CERT_HAS_EXPIRED SELF_SIGNED_CERT_IN_CHAIN`;
const listed = (codes: string): readonly string[] => codes.split(/\s+/);

const withCode = (code: string): Error => Object.assign(new Error('no'), { code });
const isUnavailable = (error: unknown): boolean => error instanceof AppError && error.code === 'database_unavailable';

describe('an error on a connection', () => {
  it.each([...listed(passing), ...listed(systemErrors)])('%s is temporary', (code) => {
    expect(isUnavailable(statementFailed(withCode(code)))).toBe(true);
    expect(isUnavailable(unavailable(withCode(code)))).toBe(true);
  });

  it.each(listed(permanent))('%s is a fault of the statement, but temporary at a connect', (code) => {
    expect(statementFailed(withCode(code))).toMatchObject({ message: 'no', code });
    expect(isUnavailable(unavailable(withCode(code)))).toBe(true);
  });

  it.each(['Connection terminated', 'Query read timeout', 'Received unexpected rowDescription message from backend.'])(
    'without a code passes: %s',
    (message) => {
      expect(isUnavailable(statementFailed(new Error(message)))).toBe(true);
    },
  );

  it('that ends the connection is temporary, whatever its code', () => {
    const fatal = Object.assign(new DatabaseError('no', 1, 'error'), { code: '22023', severity: 'FATAL' });
    expect(isUnavailable(statementFailed(fatal))).toBe(true);
  });

  it('of this program stays as it is', () => {
    expect(statementFailed(new TypeError('a bug'))).toBeInstanceOf(TypeError);
  });
});
