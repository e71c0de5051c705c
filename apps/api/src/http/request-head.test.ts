import { once } from 'node:events';
import { connect } from 'node:net';
import { type Problem, problemMediaType } from '@prosemill/contract';
import { silentLogger } from '@prosemill/testkit';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startServer } from './server.ts';
import { openTestApi, type TestApi } from '../test-api.ts';

const get = (headers: string, target = '/livez', version = '1.1'): string =>
  `GET ${target} HTTP/${version}\r\n${headers}Connection: close\r\n\r\n`;
const post = (headers: string, body = ''): string =>
  `POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}Connection: close\r\n\r\n${body}`;
const job = '{"prompt":"a"}';
const chunked = `e\r\n${job}\r\n0\r\n\r\n`;

const statusIn = (answer: string): number => Number(/^HTTP\/1\.1 (\d+) /.exec(answer)?.[1]);

describe('the head of a request', () => {
  let opened: TestApi;
  let server: ApiServer;
  beforeAll(async () => {
    opened = await openTestApi({ maxQueueLength: 10_000 });
    server = await startServer({ api: opened.api, host: '127.0.0.1', port: 0, logger: silentLogger });
  });
  afterAll(async () => {
    await server.stop(100);
    await opened.close();
  });

  /** Reads until the server closes the connection. */
  async function answerTo(bytes: string): Promise<string> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (chunk) => (text += String(chunk))).on('error', () => undefined);
    socket.write(Buffer.from(bytes, 'latin1'));
    await once(socket, 'close');
    return text;
  }

  it.each([
    ['no Host', get(''), 400, 'malformed_request'],
    ['no Host, and a target in absolute form', get('', 'http://x/livez'), 400, 'malformed_request'],
    ['two Host lines', get('Host: x\r\nHost: y\r\n'), 400, 'malformed_request'],
    ['the same Host line twice', get('Host: x\r\nX: y\r\nhost: x\r\n'), 400, 'malformed_request'],
    [
      'a second Host line behind many others',
      get(`Host: x\r\n${'a:\r\n'.repeat(2_500)}Host: y\r\n`),
      400,
      'malformed_request',
    ],
    ['two Host lines in HTTP/1.0', get('Host: x\r\nHost: y\r\n', '/livez', '1.0'), 400, 'malformed_request'],
    ['an empty Host', get('Host:\r\n'), 400, 'malformed_request'],
    ['a list of hosts', get('Host: x, y\r\n'), 400, 'malformed_request'],
    ['a list of hosts without spaces', get('Host: x,y\r\n'), 400, 'malformed_request'],
    ['a user in Host', get('Host: x@y\r\n'), 400, 'malformed_request'],
    ['a path in Host', get('Host: x/y\r\n'), 400, 'malformed_request'],
    ['a URL for a Host', get('Host: http://x\r\n'), 400, 'malformed_request'],
    ['a port that is no number', get('Host: x:http\r\n'), 400, 'malformed_request'],
    ['a port beyond 65535', get('Host: x:99999\r\n'), 400, 'malformed_request'],
    ['an IPv6 address without brackets', get('Host: ::1\r\n'), 400, 'malformed_request'],
    ['an invalid IPv6 address', get('Host: [::g]\r\n'), 400, 'malformed_request'],
    ['a Host beyond ASCII', get('Host: \u00e9\r\n'), 400, 'malformed_request'],
    ['a bad Host beside a target in absolute form', get('Host: x y\r\n', 'http://x/livez'), 400, 'malformed_request'],
    ['a user in the target', get('Host: x\r\n', 'http://u:p@x/livez'), 400, 'malformed_request'],
    ['a target without a host', get('Host: x\r\n', 'http:///'), 400, 'malformed_request'],
    ['a target of another scheme', get('Host: x\r\n', 'ftp://x/livez'), 400, 'malformed_request'],
    ['a foreign target', get('Host: x\r\n', 'http://evil.example/livez'), 421, 'misdirected_request'],
    ['HTTP/2.0', get('Host: x\r\n', '/livez', '2.0'), 400, 'malformed_request'],
    ['HTTP/3.0', get('Host: x\r\n', '/livez', '3.0'), 400, 'malformed_request'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed_request'],
    ['HTTP/0.9', 'GET /livez\r\n\r\n', 400, 'malformed_request'],
    ['an invalid method', get('Host: x\r\n').replace('GET', 'FETCH'), 400, 'malformed_request'],
    ['a method in small letters', get('Host: x\r\n').replace('GET', 'get'), 400, 'malformed_request'],
    ['a space before a colon', get('Host : x\r\n'), 400, 'malformed_request'],
    ['a folded line', get('Host: x\r\nX: a\r\n b\r\n'), 400, 'malformed_request'],
    ['lines that end with LF', 'GET /livez HTTP/1.1\nHost: x\n\n', 400, 'malformed_request'],
    ['a target beyond ASCII', get('Host: x\r\n', '/\u00e9'), 400, 'malformed_request'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003', 400, 'malformed_request'],
    ['an unknown Expect', post('Expect: 200-ok\r\nContent-Length: 14\r\n', job), 417, 'expectation_failed'],
    ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n', 405, 'method_not_allowed'],
    ['two lengths', post('Content-Length: 14\r\nContent-Length: 15\r\n', job), 400, 'malformed_request'],
    ['the same length twice', post('Content-Length: 14\r\nContent-Length: 14\r\n', job), 400, 'malformed_request'],
    ['a list of lengths', post('Content-Length: 14, 14\r\n', job), 400, 'malformed_request'],
    ['a length with a sign', post('Content-Length: +14\r\n', job), 400, 'malformed_request'],
    ['an empty length', post('Content-Length:\r\n', job), 400, 'malformed_request'],
    ['a length beyond integers', post(`Content-Length: ${'9'.repeat(30)}\r\n`, job), 400, 'malformed_request'],
    [
      'a length and chunks',
      post('Content-Length: 14\r\nTransfer-Encoding: chunked\r\n', chunked),
      400,
      'malformed_request',
    ],
    [
      'chunks and a length',
      post('Transfer-Encoding: chunked\r\nContent-Length: 14\r\n', chunked),
      400,
      'malformed_request',
    ],
    ['chunks twice', post('Transfer-Encoding: chunked, chunked\r\n', chunked), 400, 'malformed_request'],
    [
      'two lines of Transfer-Encoding',
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', chunked),
      400,
      'malformed_request',
    ],
    ['an unknown transfer coding', post('Transfer-Encoding: gzip, chunked\r\n', chunked), 400, 'malformed_request'],
    ['a transfer coding that does not end', post('Transfer-Encoding: xchunked\r\n', chunked), 400, 'malformed_request'],
    ['an empty transfer coding', post('Transfer-Encoding:\r\nContent-Length: 14\r\n', job), 400, 'malformed_request'],
    [
      'chunks in HTTP/1.0',
      post('Transfer-Encoding: chunked\r\n', chunked).replace('1.1', '1.0'),
      400,
      'malformed_request',
    ],
  ])('with %s is refused with a problem', async (_name, bytes, status, code) => {
    const answer = await answerTo(bytes);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toMatch(new RegExp(`^content-type: ${problemMediaType.replace('+', '\\+')}$`, 'im'));
    expect(head).toMatch(/^connection: close$/im);
    const problem = JSON.parse(body) as Problem;
    expect(problem).toMatchObject({ status, code });
    expect(head.toLowerCase()).toContain(`x-request-id: ${problem.request_id}`);
  });

  it.each([
    ['a name', get('Host: x\r\n')],
    ['a name in capitals', get('Host: LOCALHOST:8000\r\n')],
    ['an IPv4 address', get('Host: 127.0.0.1:80\r\n')],
    ['an IPv6 address', get('Host: [::1]:8000\r\n')],
    ['no Host in HTTP/1.0', get('', '/livez', '1.0')],
    ['a target in absolute form, whose host wins', get('Host: evil.example\r\n', 'http://x/livez')],
    ['a target in absolute form, and an empty Host', get('Host:\r\n', 'HTTP://x/livez')],
    ['an upgrade to WebSocket', get('Host: x\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n')],
    ['an upgrade to HTTP/2', get('Host: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n')],
    ['a line more at its begin', `\r\n${get('Host: x\r\n')}`],
    ['a header named __proto__', get('Host: x\r\n__proto__: x\r\nconstructor: x\r\n')],
    ['a cookie that is none', get('Host: x\r\nCookie: %;=;"\r\n')],
  ])('with %s is answered', async (_name, bytes) => {
    expect(statusIn(await answerTo(bytes))).toBe(200);
  });

  it.each([
    ['Content-Type with an empty parameter', post('Content-Length: 14\r\n', job).replace('json', 'json;'), 202],
    ['two lines of Content-Type', post('Content-Type: application/json\r\nContent-Length: 14\r\n', job), 415],
    ['chunks', post('Transfer-Encoding: Chunked\r\n', chunked), 202],
    [
      'chunk extensions and trailers',
      post('Transfer-Encoding: chunked\r\n', `e;a="b"\r\n${job}\r\n0\r\nX: y\r\n\r\n`),
      202,
    ],
    ['an upgrade', post('Upgrade: h2c\r\nContent-Length: 14\r\n', job), 202],
    ['an Expect that is met', post('Expect: 100-Continue\r\nContent-Length: 14\r\n', job), 202],
  ])('of a request with a body and %s: %i', async (_name, bytes, status) => {
    const answer = await answerTo(bytes);
    expect(statusIn(answer.replace('HTTP/1.1 100 Continue\r\n\r\n', ''))).toBe(status);
  });

  it('leaves the process alive when the client of a CONNECT resets its connection', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.resetAndDestroy();
    expect(statusIn(await answerTo(get('Host: x\r\n')))).toBe(200);
  });

  it('is never a bug, whatever its bytes are', async () => {
    const piece = fc.constantFrom(
      'GET',
      'POST',
      'OPTIONS',
      'CONNECT',
      ' ',
      '/',
      '*',
      '/jobs',
      '/livez',
      'http://',
      'x',
      '@',
      ':',
      '%',
      '%ff',
      '?',
      '#',
      '\\',
      '..',
      ' HTTP/1.1',
      ' HTTP/1.0',
      '\r\n',
      'Host: x\r\n',
      'Host:',
      'Expect: x\r\n',
      'Upgrade: h2c\r\n',
      '__proto__: x\r\n',
      'Connection: Upgrade\r\n',
      'Content-Type: application/json\r\n',
      'Content-Length: 14\r\n',
      'Transfer-Encoding: chunked\r\n',
      '\u0000',
      '\u00ff',
    );
    const requestLine = fc
      .tuple(fc.constantFrom('GET', 'POST', 'OPTIONS', 'TRACE', 'QUERY'), fc.array(piece, { maxLength: 4 }))
      .map(([method, target]) => `${method} ${target.join('').replaceAll(/\s/g, '')} HTTP/1.1\r\n`);
    const lines = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(requestLine, lines, async (line, rest) => {
        const answer = await answerTo(`${line}Host: x\r\n${rest}\r\nConnection: close\r\n\r\n${job}\r\n\r\n\u0000`);
        expect(answer.replace(/^(HTTP\/1\.1 100 Continue\r\n\r\n)+/, '')).toMatch(/^HTTP\/1\.1 [2-4]\d\d /);
      }),
      { numRuns: 300 },
    );
  });
});
