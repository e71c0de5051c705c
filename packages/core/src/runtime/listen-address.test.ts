import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hostProblem, isLoopback, listen, parseHost } from './listen-address.ts';

describe('HOST', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['[::]', '::'],
    ['[::1]', '::1'],
    ['::', '::'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['localhost', 'localhost'],
    ['api_1.internal.', 'api_1.internal.'],
    ['127.example.com', '127.example.com'],
  ])('%s is %s', (text, host) => {
    expect(parseHost(text)).toBe(host);
  });

  it.each([
    ['http://127.0.0.1', 'not a URL'],
    ['127.0.0.1/8', 'not a URL'],
    ['127.0.0.1:8000', 'the port belongs'],
    ['[::1]:8000', 'the port belongs'],
    ['localhost:8000', 'the port belongs'],
    ['*', '0.0.0.0 or ::'],
    ['0', 'four plain decimal parts'],
    ['127.1', 'four plain decimal parts'],
    ['0x7f000001', 'four plain decimal parts'],
    ['2130706433', 'four plain decimal parts'],
    ['127.0.0.01', 'four plain decimal parts'],
    ['256.0.0.1', 'four plain decimal parts'],
    ['[127.0.0.1]', 'must be'],
    ['[::1', 'must be'],
    ['::1]', 'must be'],
    ['a b', 'must be'],
    ['-a.example', 'must be'],
    ['a..b', 'must be'],
    ['user@host', 'must be'],
  ])('%s is refused', (text, reason) => {
    expect(parseHost(text)).toBeNull();
    expect(hostProblem(text)).toContain(reason);
  });

  it.each([
    '127.0.0.1',
    '127.255.0.2',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::1%lo',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    'localhost',
    'LOCALHOST.',
  ])('%s is reached by this machine only', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each([
    '0.0.0.0',
    '::',
    '0:0:0:0:0:0:0:0',
    '::ffff:0.0.0.0',
    '::ffff:10.0.0.1',
    '::127.0.0.1',
    '10.0.0.1',
    '127.example.com',
    'localhost.example.com',
    '0',
    '127.1',
    '0x7f.0.0.1',
    '',
  ])('%s may be reached by others', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});

describe('a port that cannot be opened', () => {
  it('is named with its host and the reason', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const attempt = async (host: string) => await listen(createServer(), { host, port, portName: 'PORT' });
    await expect(attempt('127.0.0.1')).rejects.toThrow(`PORT ${port} of HOST 127.0.0.1 is in use`);
    await expect(attempt('192.0.2.1')).rejects.toThrow('HOST 192.0.2.1 is no address of this machine');
    await expect(attempt('no-such-name.invalid')).rejects.toThrow('HOST no-such-name.invalid is a name without');
  });
});
