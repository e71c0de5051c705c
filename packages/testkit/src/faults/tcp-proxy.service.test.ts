import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Client } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createTestDatabase } from '../servers/postgres.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

async function proxyTo(url: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy(url);
  onTestFinished(async () => await proxy.stop());
  return proxy;
}

/** A connection, and the text that it has received. */
async function dial({ url }: TcpProxy): Promise<{ socket: Socket; read: () => string }> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  let received = '';
  socket.on('data', (data) => (received += data.toString()));
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return { socket, read: () => received };
}

const endOf = async (socket: Socket): Promise<string | undefined> =>
  await new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.once('close', () => resolve(undefined));
  });

describe('a TCP proxy before Redis', () => {
  it('passes bytes both ways, and the end', async () => {
    const { socket, read } = await dial(await proxyTo(inject('redisUrl')));
    socket.write('PING\r\n');
    await expect.poll(read).toBe('+PONG\r\n');
    socket.write('ECHO a\r\nQUIT\r\n');
    await once(socket, 'end');
    expect(read()).toBe('+PONG\r\n$1\r\na\r\n+OK\r\n');
  });

  it('passes more than the buffers hold', async () => {
    const { socket, read } = await dial(await proxyTo(inject('redisUrl')));
    const text = 'x'.repeat(8_000_000);
    socket.write(`*2\r\n$4\r\nECHO\r\n$${text.length}\r\n${text}\r\n`);
    await expect.poll(() => read().length).toBe(`$${text.length}\r\n${text}\r\n`.length);
  });

  it.each([
    { toServerMs: 60, toClientMs: 0 },
    { toServerMs: 0, toClientMs: 60 },
    { toServerMs: 30, toClientMs: 30 },
  ])('adds latency: %o', async (latency) => {
    const proxy = await proxyTo(inject('redisUrl'));
    const { socket, read } = await dial(proxy);
    proxy.setLatency(latency);
    const begin = performance.now();
    socket.write('PING\r\nECHO 1\r\n');
    await once(socket, 'data');
    expect(performance.now() - begin).toBeGreaterThanOrEqual(59);
    await expect.poll(read).toBe('+PONG\r\n$1\r\n1\r\n');
  });

  it('resets open connections, and takes new ones', async () => {
    const proxy = await proxyTo(inject('redisUrl'));
    const { socket } = await dial(proxy);
    await expect.poll(() => proxy.connectionCount).toBe(1);
    const ended = endOf(socket);
    proxy.reset();
    expect(await ended).toBe('ECONNRESET');
    const next = await dial(proxy);
    next.socket.write('PING\r\n');
    await expect.poll(next.read).toBe('+PONG\r\n');
  });

  it('refuses new connections and leaves open ones, until it heals', async () => {
    const proxy = await proxyTo(inject('redisUrl'));
    const { socket, read } = await dial(proxy);
    proxy.refuse();
    await expect(dial(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    socket.write('PING\r\n');
    await expect.poll(read).toBe('+PONG\r\n');
    await proxy.heal();
    await dial(proxy);
  });

  it('holds all bytes like a cut cable, and passes them when it heals', async () => {
    const proxy = await proxyTo(inject('redisUrl'));
    const old = await dial(proxy);
    old.socket.write('PING\r\n');
    await expect.poll(old.read).toBe('+PONG\r\n');
    proxy.blackHole();
    const other = await dial(proxy);
    for (const { socket } of [old, other]) await new Promise((resolve) => socket.write('ECHO late\r\n', resolve));
    // Waits as long as an answer takes on an open connection.
    const witness = await dial(await proxyTo(inject('redisUrl')));
    witness.socket.write('PING\r\n');
    await expect.poll(witness.read).toBe('+PONG\r\n');
    expect([old.read(), other.read()]).toEqual(['+PONG\r\n', '']);
    expect([old.socket.destroyed, other.socket.destroyed]).toEqual([false, false]);
    await proxy.heal();
    await expect.poll(old.read).toBe('+PONG\r\n$4\r\nlate\r\n');
    await expect.poll(other.read).toBe('$4\r\nlate\r\n');
  });

  it('kills open connections silently, and takes new ones', async () => {
    const proxy = await proxyTo(inject('redisUrl'));
    const old = await dial(proxy);
    old.socket.write('PING\r\n');
    await expect.poll(old.read).toBe('+PONG\r\n');
    proxy.swallow();
    // More than the buffers hold, and dropped.
    await new Promise((resolve) => old.socket.write('x'.repeat(8_000_000), resolve));
    await proxy.heal();
    proxy.reset();
    await new Promise((resolve) => old.socket.write('ECHO late\r\n', resolve));
    const next = await dial(proxy);
    next.socket.write('PING\r\n');
    await expect.poll(next.read).toBe('+PONG\r\n');
    expect([old.read(), old.socket.destroyed, proxy.connectionCount]).toEqual(['+PONG\r\n', false, 1]);
  });

  it('does not tell the server that the client of a dead connection has gone', async () => {
    const proxy = await proxyTo(inject('redisUrl'));
    const old = await dial(proxy);
    old.socket.write('CLIENT SETNAME swallowed\r\n');
    await expect.poll(old.read).toBe('+OK\r\n');
    proxy.swallow();
    old.socket.resetAndDestroy();
    await once(old.socket, 'close');
    const witness = await dial(proxy);
    witness.socket.write('CLIENT LIST\r\n');
    await expect.poll(witness.read).toContain('name=swallowed');
  });

  it('drops the given number of replies', async () => {
    const proxy = await proxyTo(inject('redisUrl'));
    const struck = proxy.dropReplyAfter('ECHO drop', 2);
    for (const isDropped of [true, true, false]) {
      const { socket, read } = await dial(proxy);
      const ended = endOf(socket);
      socket.write('ECHO drop\r\n');
      if (isDropped) expect([await ended, read()]).toEqual(['ECONNRESET', '']);
      else await expect.poll(read).toBe('$4\r\ndrop\r\n');
    }
    await struck;
  });

  it('ends its connections when it is stopped, and can be stopped twice', async () => {
    const proxy = await startTcpProxy(inject('redisUrl'));
    const { socket } = await dial(proxy);
    await expect.poll(() => proxy.connectionCount).toBe(1);
    const ended = endOf(socket);
    await proxy.stop();
    await proxy.stop();
    await ended;
    await expect(dial(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('a TCP proxy before a server that is away', () => {
  it('breaks the connection', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const { socket } = await dial(await proxyTo(`redis://127.0.0.1:${port}`));
    expect(await endOf(socket)).toBe('ECONNRESET');
  });
});

async function openDatabase(): Promise<{ proxy: TcpProxy; direct: Client }> {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  const direct = await openClient(url);
  await direct.query('create table notes (text text)');
  return { proxy: await proxyTo(url), direct };
}

async function openClient(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(async () => await client.end().catch(() => undefined));
  return client;
}

const notes = async (client: Client) => (await client.query<{ text: string }>('select text from notes')).rows;

describe('a TCP proxy before Postgres', () => {
  it('loses the reply of a statement that the server has done', async () => {
    const { proxy, direct } = await openDatabase();
    const client = await openClient(proxy.url);
    const struck = proxy.dropReplyAfter('insert into notes');
    await client.query('select $1::text', ['not this one']);
    await expect(client.query('insert into notes values ($1)', ['this one'])).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
    await struck;
    expect(await notes(direct)).toEqual([{ text: 'this one' }]);
  });
});
