import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Problem } from '@prosemill/contract';
import type { LogFields, Logger } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { type ApiServer, type ServerLimits, startServer } from './server.ts';
import { openTestApi, type TestApi } from '../test-api.ts';

const body = '{"prompt":"Once upon a time"}';
const post = (headers: string): string =>
  `POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n`;
const livez = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';

/** Reads until the server closes the connection. */
async function hearOut(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk))).resume();
  await once(socket, 'close');
  return text;
}

const problemIn = (answer: string): Problem => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as Problem;

describe('a server among bad clients', () => {
  let opened: TestApi;
  let server: ApiServer;
  const complaints: (readonly [LogFields, string])[] = [];
  /** The number of answered requests. */
  let answers = 0;
  const complain = (fields: LogFields, message: string): void => void complaints.push([fields, message]);
  const logger: Logger = {
    ...silentLogger,
    info: (_fields, message) => void (answers += Number(message === 'request')),
    warn: complain,
    error: complain,
    child: () => logger,
  };

  async function start(limits: Partial<ServerLimits> = {}): Promise<void> {
    complaints.length = 0;
    answers = 0;
    opened = await openTestApi({ logger });
    server = await startServer({ api: opened.api, host: '127.0.0.1', port: 0, logger, limits });
  }
  afterEach(async () => {
    await server.stop(100);
    await opened.close();
  });

  async function open(): Promise<Socket> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  it.each([
    ['says nothing', ''],
    ['begins a request line', 'GET /li'],
    ['never ends its headers', 'GET /livez HTTP/1.1\r\nX: y\r\n'],
    ['never sends its body', post('Content-Length: 30\r\n')],
    ['never ends its body', `${post('Content-Length: 1000\r\n')}${body}`],
    ['never ends its chunks', `${post('Transfer-Encoding: chunked\r\n')}1d\r\n${body}\r\n`],
  ])('answers 408 to a client that %s, and closes', async (_name, bytes) => {
    await start({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    const socket = await open();
    socket.write(bytes);
    const answer = await hearOut(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\nContent-Type: application\/problem\+json\r\n/);
    expect(answer).toContain('X-Content-Type-Options: nosniff');
    expect(problemIn(answer)).toMatchObject({ status: 408, code: 'request_timeout' });
    expect(complaints).toEqual([]);
  });

  it('waits for an answer that takes longer than a request may', async () => {
    await start({ headersTimeoutMs: 100, requestTimeoutMs: 200, answerTimeoutMs: 100 });
    const response = await fetch(`${server.url}/generate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Prefer: 'wait=3' },
      body,
    });
    expect(response.status).toBe(202);
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['two lengths', post('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'), 400, 'malformed_request'],
    ['an invalid host', 'GET /livez HTTP/1.1\r\nHost: a b/c\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    ['headers without end', `GET /livez HTTP/1.1\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    [
      'chunk extensions without end',
      `${post('Transfer-Encoding: chunked\r\n')}1;${'x'.repeat(20_000)}`,
      413,
      'body_too_large',
    ],
  ])('answers %s with a problem', async (_name, bytes, status, code) => {
    await start();
    const socket = await open();
    socket.write(bytes);
    const answer = await hearOut(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(problemIn(answer)).toMatchObject({ status, code });
  });

  it('stops reading a body without a length at the limit', async () => {
    await start();
    const socket = await open();
    socket.write(post('Transfer-Encoding: chunked\r\n'));
    const chunk = `4000\r\n${'a'.repeat(0x40_00)}\r\n`;
    const flood = setInterval(() => socket.write(chunk), 1);
    const answer = await hearOut(socket);
    clearInterval(flood);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(problemIn(answer).code).toBe('body_too_large');
    expect(socket.bytesWritten).toBeLessThan(50_000_000);
  });

  it('does not log a client that disconnects in its body as a bug', async () => {
    await start();
    const socket = await open();
    socket.write(post('Content-Length: 1000\r\nExpect: 100-continue\r\n'));
    await once(socket, 'data');
    const gone = once(socket, 'close');
    socket.destroy();
    await gone;
    await fetch(`${server.url}/livez`);
    expect(complaints).toEqual([]);
  });

  async function fillHistory(): Promise<void> {
    const { jobs } = opened.store;
    const model = { name: 'm', revision: '1', engine: 'transformers', dtype: 'fp32', fingerprint: 'f' } as const;
    for (let index = 0; index < 40; index += 1) {
      const created = await fetch(`${server.url}/jobs`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
      });
      await created.body?.cancel();
      const claimed = await jobs.claim({ workerId: 'w', model, leaseMs: 30_000, fromClass: 0 });
      if (claimed === null) throw new Error('Nothing to claim.');
      await jobs.complete(claimed.job, {
        type: 'succeeded',
        result: {
          completion: 'x'.repeat(200_000),
          finishReason: 'length',
          usage: { promptTokens: 1, completionTokens: 1 },
          timeToFirstTokenMs: 1,
          generationMs: 1,
          modelName: 'm',
        },
      });
    }
  }

  it.each([
    ['does not read its answer', { answerTimeoutMs: 500 }],
    ['leaves more unread than all clients together may', { maxUnsentBytes: 1_000_000 }],
  ])('cuts a client that %s', async (_name, limits) => {
    await start(limits);
    await fillHistory();
    const socket = await open();
    socket.pause();
    socket.write('GET /history HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => complaints).toContainEqual([{ connections: 1 }, 'clients did not read their answers']);
    const answer = await hearOut(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.length).toBeLessThan(8_000_000);
  });

  it.each(['/jobs', '/livez'])('cuts a client that sends a request before the answer to %s is sent', async (path) => {
    await start();
    const socket = await open();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n${livez}`);
    expect((await hearOut(socket)).match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThan(2);
    expect(complaints).toEqual([]);
  });

  it('evicts clients without a whole request for new ones', async () => {
    await start({ maxConnections: 3 });
    const waiting = await open();
    waiting.write(`${post(`Content-Length: ${body.length}\r\n`).replace('/jobs', '/generate')}${body}`);
    await expect.poll(async () => (await opened.store.jobs.measureQueue()).queued).toBe(1);
    const [idle, slow] = [await open(), await open()];
    slow.write('GET /livez HTTP/1.1\r\n');
    const [idleGone, slowGone] = [hearOut(idle), hearOut(slow)];
    const fresh = await open();
    fresh.write(livez);
    expect(await idleGone).toBe('');
    await once(fresh, 'data');
    const next = await open();
    next.write(livez);
    await once(next, 'data');
    expect(await slowGone).toBe('');
    expect(waiting.closed).toBe(false);
  });

  it('evicts a client that does not read its answer, if all others wait for theirs', async () => {
    await start({ maxConnections: 2 });
    await fillHistory();
    const waiting = await open();
    waiting.write(`${post(`Content-Length: ${body.length}\r\n`).replace('/jobs', '/generate')}${body}`);
    await expect.poll(async () => (await opened.store.jobs.measureQueue()).queued).toBe(1);
    const lazy = await open();
    lazy.pause();
    answers = 0;
    lazy.write('GET /history HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => answers).toBe(1);
    const fresh = await open();
    fresh.write(livez);
    await once(fresh, 'data');
    expect((await hearOut(lazy)).length).toBeLessThan(8_000_000);
    expect(waiting.closed).toBe(false);
  });
});
