import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { startReceiver } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { LookupAll } from './guarded-lookup.ts';
import { createSendMessage, type SendMessageOptions } from './send-message.ts';

const send = async (url: string, options: Partial<SendMessageOptions> = {}, signal = new AbortController().signal) => {
  const sendMessage = createSendMessage({ isGuarded: false, timeoutMs: 5_000, ...options });
  return await sendMessage({ url, headers: { 'X-Test': 'a' }, body: '{"a":1}', signal });
};

/** A resolver whose answers are these, one after the other. */
function resolver(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const lookup: LookupAll = (hostname, _options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { asked, lookup };
}

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
    stopping.abort();
    expect(await sending).toBeNull();
  });

  it('goes nowhere without an address or a listener', async () => {
    expect(await send('http://nowhere.invalid/', { isGuarded: true })).toMatchObject({ error: 'dns_failed' });
    expect(await send('http://127.0.0.1:1/')).toMatchObject({ error: 'connection_failed' });
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

  it('is refused for the name of this host, by the system’s resolver', async () => {
    const receiver = await startReceiver();
    const outcome = await send(`http://localhost:${receiver.port}/`, { isGuarded: true });
    expect(outcome).toMatchObject({ error: 'address_refused' });
    expect(receiver.messages).toEqual([]);
  });

  it.each([[['10.0.0.1']], [['1.1.1.1', '127.0.0.1']], [['::ffff:127.0.0.1']], [['fe80::1', '2606:4700::1']]])(
    'is refused for a name with the addresses %j',
    async (addresses) => {
      const { lookup } = resolver(addresses);
      expect(await send('http://hooks.example/', { isGuarded: true, lookup })).toMatchObject({
        error: 'address_refused',
      });
    },
  );

  it('looks a name up once: there is no second answer between the check and the connection', async () => {
    const receiver = await startReceiver();
    // The first address is public, and nobody listens there; the second answer would reach the receiver.
    const { asked, lookup } = resolver(['192.88.100.1'], ['127.0.0.1']);
    const url = `http://rebinding.example:${receiver.port}/`;
    const first = await send(url, { isGuarded: true, lookup, timeoutMs: 500 });
    expect(first?.error).toMatch(/timed_out|connection_failed/);
    expect(asked).toEqual(['rebinding.example']);
    expect(await send(url, { isGuarded: true, lookup })).toMatchObject({ error: 'address_refused' });
    expect(receiver.messages).toEqual([]);
  });
});
