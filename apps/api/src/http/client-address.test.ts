import { describe, expect, it } from 'vitest';
import { clientAddress, forwardedPrefix, isHttps, trustedProxiesSchema } from './client-address.ts';

interface Row {
  readonly trusted: string;
  readonly peer: string;
  readonly forwarded: readonly string[];
  readonly client: string;
}

const raw = (headers: Readonly<Record<string, readonly string[]>>): string[] =>
  Object.entries(headers).flatMap(([name, values]) => values.flatMap((value) => [name, value]));

const rows: readonly (Row & { readonly name: string })[] = [
  { name: 'no proxies: a header is ignored', trusted: '0', peer: '9.9.9.9', forwarded: ['1.1.1.1'], client: '9.9.9.9' },
  { name: 'one hop', trusted: '1', peer: '10.0.0.1', forwarded: ['1.1.1.1'], client: '1.1.1.1' },
  { name: 'one hop, spoofed left', trusted: '1', peer: '10.0.0.1', forwarded: ['6.6.6.6, 1.1.1.1'], client: '1.1.1.1' },
  { name: 'two hops', trusted: '2', peer: '10.0.0.1', forwarded: ['6.6.6.6, 1.1.1.1, 10.0.0.2'], client: '1.1.1.1' },
  {
    name: 'headers in two lines',
    trusted: '2',
    peer: '10.0.0.1',
    forwarded: ['1.1.1.1', '10.0.0.2'],
    client: '1.1.1.1',
  },
  { name: 'more hops than entries', trusted: '3', peer: '10.0.0.1', forwarded: ['1.1.1.1'], client: '1.1.1.1' },
  { name: 'a hop and no header', trusted: '1', peer: '10.0.0.1', forwarded: [], client: '10.0.0.1' },
  { name: 'a block', trusted: '10.0.0.0/8', peer: '10.0.0.1', forwarded: ['6.6.6.6, 1.1.1.1'], client: '1.1.1.1' },
  {
    name: 'a peer outside the block',
    trusted: '10.0.0.0/8',
    peer: '9.9.9.9',
    forwarded: ['1.1.1.1'],
    client: '9.9.9.9',
  },
  {
    name: 'a chain inside the block',
    trusted: '10.0.0.0/8',
    peer: '10.0.0.1',
    forwarded: ['1.1.1.1,10.0.0.7'],
    client: '1.1.1.1',
  },
  {
    name: 'a spoofed proxy',
    trusted: '10.0.0.0/8',
    peer: '10.0.0.1',
    forwarded: ['6.6.6.6,10.0.0.9,1.1.1.1'],
    client: '1.1.1.1',
  },
  {
    name: 'an address in the list',
    trusted: '10.0.0.1, fd00::1',
    peer: 'fd00::1',
    forwarded: ['1.1.1.1'],
    client: '1.1.1.1',
  },
  {
    name: 'IPv4 in IPv6 clothes',
    trusted: '127.0.0.1',
    peer: '::ffff:127.0.0.1',
    forwarded: ['::FFFF:1.1.1.1'],
    client: '1.1.1.1',
  },
  { name: 'a port', trusted: '1', peer: '10.0.0.1', forwarded: ['1.1.1.1:443'], client: '1.1.1.1' },
  {
    name: 'brackets and a port',
    trusted: '1',
    peer: '10.0.0.1',
    forwarded: ['[2001:DB8::1]:443'],
    client: '2001:db8::1',
  },
  {
    name: 'an entry that is none',
    trusted: '2',
    peer: '10.0.0.1',
    forwarded: ['1.1.1.1, unknown'],
    client: '10.0.0.1',
  },
];

describe('the address of a client', () => {
  it.each(rows)('$name', ({ trusted, peer, forwarded, client }) => {
    const head = { rawHeaders: raw({ 'X-Forwarded-For': forwarded }), socket: { remoteAddress: peer } };
    expect(clientAddress(head, trustedProxiesSchema.parse(trusted))).toBe(client);
  });

  it('is empty for a client that has disconnected', () => {
    expect(clientAddress({ rawHeaders: [], socket: {} }, 0)).toBe('');
  });
});

describe('https', () => {
  it.each([
    { trusted: '1', peer: '10.0.0.1', proto: ['https'], expected: true },
    { trusted: '1', peer: '10.0.0.1', proto: ['http'], expected: false },
    { trusted: '1', peer: '10.0.0.1', proto: [], expected: false },
    { trusted: '0', peer: '10.0.0.1', proto: ['https'], expected: false },
    { trusted: '1', peer: '10.0.0.1', proto: ['https, http'], expected: false },
    { trusted: '2', peer: '10.0.0.1', proto: ['http, https', 'http'], expected: true },
    { trusted: '2', peer: '10.0.0.1', proto: ['https'], expected: true },
    { trusted: '10.0.0.0/8', peer: '10.0.0.1', proto: ['https'], expected: true },
    { trusted: '10.0.0.0/8', peer: '9.9.9.9', proto: ['https'], expected: false },
  ])('$proto from $peer, with $trusted trusted: $expected', ({ trusted, peer, proto, expected }) => {
    const rawHeaders = raw({ 'x-forwarded-proto': proto, 'x-forwarded-for': ['1.1.1.1, 10.0.0.2'] });
    const head = { rawHeaders, socket: { remoteAddress: peer } };
    expect(isHttps(head, trustedProxiesSchema.parse(trusted))).toBe(expected);
  });

  it('is recognised without X-Forwarded-For', () => {
    const head = { rawHeaders: ['X-Forwarded-Proto', 'https'], socket: { remoteAddress: '10.0.0.1' } };
    expect(isHttps(head, trustedProxiesSchema.parse('10.0.0.0/8'))).toBe(true);
  });
});

describe('the path prefix that proxies removed', () => {
  it.each([
    { trusted: '1', prefix: ['/api'], expected: '/api' },
    { trusted: '1', prefix: ['/api/'], expected: '/api' },
    { trusted: '1', prefix: [], expected: '' },
    { trusted: '1', prefix: ['/'], expected: '' },
    { trusted: '0', prefix: ['/api'], expected: '' },
    { trusted: '1', prefix: ['/evil', '/api'], expected: '/api' },
    { trusted: '1', prefix: ['/evil, /api'], expected: '/api' },
    { trusted: '2', prefix: ['/a, /b'], expected: '/a/b' },
    { trusted: '2', prefix: ['/a'], expected: '/a' },
    { trusted: '9.0.0.0/8', prefix: ['/api'], expected: '' },
    { trusted: '1', prefix: ['//evil.example'], expected: '' },
    { trusted: '1', prefix: ['https://evil.example'], expected: '' },
    { trusted: '1', prefix: ['/a/../b'], expected: '' },
    { trusted: '1', prefix: ['/a\\b'], expected: '' },
    { trusted: '1', prefix: ['/a>; rel="x"'], expected: '' },
    { trusted: '1', prefix: [`/${'a'.repeat(300)}`], expected: '' },
  ])('is $expected of $prefix, with $trusted trusted', ({ trusted, prefix, expected }) => {
    const rawHeaders = raw({ 'x-forwarded-prefix': prefix, 'x-forwarded-for': ['1.1.1.1, 10.0.0.2'] });
    const head = { rawHeaders, socket: { remoteAddress: '10.0.0.1' } };
    expect(forwardedPrefix(head, trustedProxiesSchema.parse(trusted))).toBe(expected);
  });
});

describe('TRUSTED_PROXIES', () => {
  it.each(['x', '1.2.3', '10.0.0.0/33', '10.0.0.0/8/8', 'fd00::/129', '10.0.0.1,,10.0.0.2', '-1', '1000'])(
    'refuses %s',
    (text) => {
      expect(trustedProxiesSchema.safeParse(text).success).toBe(false);
    },
  );
});
