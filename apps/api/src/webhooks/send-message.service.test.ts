import { getEventListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { startNameServer, startReceiver } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSendMessage, type SendMessageOptions } from './send-message.ts';

const send = async (url: string, options: Partial<SendMessageOptions> = {}, signal = new AbortController().signal) => {
  const sendMessage = createSendMessage({ isGuarded: false, timeoutMs: 5_000, ...options });
  return await sendMessage({ url, headers: { 'X-Test': 'a' }, body: '{"a":1}', signal });
};

/** Accepts connections, and reads and writes nothing. */
async function startSilent(): Promise<string> {
  const server = createServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a message', () => {
  it('is posted, and accepted with any 2xx', async () => {
    const receiver = await startReceiver((response) => void response.writeHead(299).end('ok'));
    expect(await send(`${receiver.url}/in?a=b`)).toMatchObject({ error: null, statusCode: 299, location: null });
    expect(receiver.messages).toMatchObject([{ path: '/in?a=b', body: '{"a":1}', headers: { 'x-test': 'a' } }]);
  });

  it.each([
    [301, 'redirected', 'http://127.0.0.1:1/'],
    [307, 'redirected', '/other'],
    [302, 'redirected', 'file:///etc/passwd'],
    [400, 'bad_status', null],
    [410, 'gone', null],
    [503, 'bad_status', null],
  ])('is not accepted with %i: %s', async (status, error, location) => {
    const receiver = await startReceiver((response) => {
      response.writeHead(status, { Location: location ?? '/ignored' }).end();
    });
    expect(await send(receiver.url)).toMatchObject({ error, statusCode: status, location });
    expect(receiver.messages).toHaveLength(1);
  });

  it.each([
    [503, '120', 120_000],
    [429, new Date(Date.now() + 3_600_000).toUTCString(), expect.closeTo(3_600_000, -5) as number],
    [503, 'soon', null],
    [500, '120', null],
    [204, '120', null],
  ])('is refused with %i until a later time: Retry-After: %s', async (status, retryAfter, retryAfterMs) => {
    const receiver = await startReceiver((response) => {
      response.writeHead(status, { 'Retry-After': retryAfter }).end();
    });
    expect(await send(receiver.url)).toMatchObject({ statusCode: status, retryAfterMs });
  });

  it('needs an answer in time, and a head that is small', async () => {
    expect(await send(await startSilent(), { timeoutMs: 200 })).toMatchObject({ error: 'timed_out', statusCode: null });
    const receiver = await startReceiver((response) => {
      response.writeHead(200, { 'X-Long': 'x'.repeat(20_000) }).end();
    });
    expect(await send(receiver.url)).toMatchObject({ error: 'connection_failed', statusCode: null });
  });

  it('is not accepted with a change of the protocol', async () => {
    const answer = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n';
    const receiver = await startReceiver((response) => void response.socket?.write(answer));
    expect(await send(receiver.url)).toMatchObject({ error: 'connection_failed', statusCode: null });
  });

  it('reads no body of an answer', async () => {
    const receiver = await startReceiver((response) => {
      response.writeHead(200);
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', write);
      write();
    });
    expect(await send(receiver.url)).toMatchObject({ error: null, statusCode: 200 });
  });

  it('that a stopping process cuts off has no outcome', async () => {
    const stopping = new AbortController();
    const sending = send(await startSilent(), {}, stopping.signal);
    expect(getEventListeners(stopping.signal, 'abort')).toHaveLength(1);
    stopping.abort();
    expect(await sending).toBeNull();
    expect(await send('http://127.0.0.1:1/', {}, stopping.signal)).toBeNull();
    expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  });

  it('goes nowhere without an address or a listener', async () => {
    const { address } = await startNameServer(() => []);
    for (const nameServers of [[address], ['127.0.0.1:1']]) {
      expect(await send('http://hooks.example/', { nameServers })).toMatchObject({ error: 'dns_failed' });
    }
    expect(await send('http://127.0.0.1:1/')).toMatchObject({ error: 'connection_failed' });
  });

  it('is delivered in time beside a hundred whose name servers never answer', async () => {
    const receiver = await startReceiver();
    const { address, asked } = await startNameServer((name) => (name.startsWith('dead') ? null : ['127.0.0.1']));
    const [nameServers, stopping] = [[address], new AbortController()];
    const dead = Array.from({ length: 100 }, async (_, index) => {
      return await send(`http://dead-${index}.example/`, { nameServers }, stopping.signal);
    });
    await expect.poll(() => new Set(asked).size).toBe(200);
    const url = `http://hooks.example:${receiver.port}/`;
    expect(await send(url, { nameServers, timeoutMs: 1_000 })).toMatchObject({ error: null, statusCode: 204 });
    expect(await readFile(import.meta.filename, 'utf8')).not.toBe('');
    stopping.abort();
    expect(new Set(await Promise.all(dead))).toEqual(new Set([null]));
  });

  it('is not sent to a server whose certificate is not valid', async () => {
    const receiver = await startReceiver();
    expect(await send(receiver.url.replace('http:', 'https:'))).toMatchObject({ error: 'connection_failed' });
    expect(receiver.messages).toEqual([]);
  });
});

describe('a guarded message', () => {
  it.each([
    '127.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '0x7f.1',
    '2130706433',
    '0',
  ])('is refused for the address %s', async (host) => {
    const receiver = await startReceiver();
    expect(await send(`http://${host}:${receiver.port}/`, { isGuarded: true })).toMatchObject({
      error: 'address_refused',
      statusCode: null,
    });
    expect(receiver.messages).toEqual([]);
  });

  it('is refused for the name of this host, which no name server is asked for', async () => {
    const [receiver, { address, asked }] = [await startReceiver(), await startNameServer(() => ['1.1.1.1'])];
    for (const host of ['localhost', 'LocalHost.', 'hooks.localhost']) {
      const outcome = await send(`http://${host}:${receiver.port}/`, { isGuarded: true, nameServers: [address] });
      expect(outcome).toMatchObject({ error: 'address_refused' });
    }
    expect([receiver.messages, asked]).toEqual([[], []]);
  });

  it.each([[['10.0.0.1']], [['1.1.1.1', '127.0.0.1']], [['::ffff:127.0.0.1']], [['fe80::1', '2606:4700::1']]])(
    'is refused for a name with the addresses %j',
    async (addresses) => {
      const { address } = await startNameServer(() => addresses);
      expect(await send('http://hooks.example/', { isGuarded: true, nameServers: [address] })).toMatchObject({
        error: 'address_refused',
      });
    },
  );

  it('looks a name up once: there is no second answer between the check and the connection', async () => {
    const receiver = await startReceiver();
    // The first address is public, and nobody listens there; the second answer would reach the receiver.
    const { address, asked } = await startNameServer(() => [asked.length > 2 ? '127.0.0.1' : '192.88.100.1']);
    const url = `http://rebinding.example:${receiver.port}/`;
    const options = { isGuarded: true, nameServers: [address] };
    const first = await send(url, { ...options, timeoutMs: 500 });
    expect(first?.error).toMatch(/timed_out|connection_failed/);
    expect(asked.toSorted()).toEqual(['rebinding.example A', 'rebinding.example AAAA']);
    expect(await send(url, options)).toMatchObject({ error: 'address_refused' });
    expect(receiver.messages).toEqual([]);
  });
});
