/** Streams over sockets: clients that do not read, that leave, that half-close, and a server that stops. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type LogFields, type Logger, type WakeUps } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { newJob, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../test-api.ts';
import { TestWorker } from '../test-streams.ts';
import { type ApiServer, type ServerLimits, startServer } from './server.ts';

/** Beyond the buffers of the kernel. */
const largePart = 'x'.repeat(6 * 1_024 * 1_024);

describe('a stream over a socket', () => {
  let opened: TestApi;
  let server: ApiServer;
  let wakeUps: WakeUps;
  const warnings: (readonly [LogFields, string])[] = [];
  const lines: (LogFields & { msg: string })[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (fields, msg) => void lines.push({ ...fields, msg }),
    warn: (fields, message) => void warnings.push([fields, message]),
    error: (fields, message) => void warnings.push([fields, message]),
    child: () => logger,
  };

  async function start(limits: Partial<ServerLimits> = {}): Promise<void> {
    const queue = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
    ({ wakeUps } = queue);
    opened = await openTestApi({ logger, wakeUps, hints: queue.sender });
    server = await startServer({ api: opened.api, host: '127.0.0.1', port: 0, logger, limits });
  }
  beforeEach(() => {
    warnings.length = 0;
    lines.length = 0;
  });
  afterEach(async () => {
    await server.stop(1_000);
    await opened.close();
  });

  const submit = async (): Promise<string> => (await opened.store.jobs.submit(newJob({ isWatched: true }))).id;

  /** Sends the request for a stream. */
  async function open(id: string, version = '1.1'): Promise<Socket> {
    const { hostname, port } = new URL(server.url);
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(`GET /jobs/${id}/stream HTTP/${version}\r\nHost: x\r\n\r\n`);
    return socket;
  }
  async function openUntil(id: string, expected: string, version = '1.1'): Promise<{ socket: Socket; heard: string }> {
    const socket = await open(id, version);
    const state = { socket, heard: '' };
    socket.on('data', (chunk) => (state.heard += String(chunk)));
    await expect.poll(() => state.heard).toContain(expected);
    return state;
  }
  async function metric(name: string): Promise<number> {
    const page = await (await fetch(`${server.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1]);
  }
  const ended = (): readonly unknown[] =>
    lines.filter(({ route }) => route === '/jobs/{id}/stream').map(({ ending }) => ending);

  it.each(['1.1', '1.0'])('has whole events, and ends its connection with the job (HTTP/%s)', async (version) => {
    await start();
    const state = await openUntil(await submit(), '"status":"queued"', version);
    expect(state.heard).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(state.heard.toLowerCase()).toContain('\r\nconnection: close\r\n');
    expect(/\r\ntransfer-encoding: chunked\r\n/i.test(state.heard)).toBe(version === '1.1');
    const worker = await TestWorker.claim(opened.store, wakeUps);
    await worker.write('a🦊');
    await expect.poll(() => state.heard).toContain('"text":"a🦊"');
    const closed = once(state.socket, 'end');
    await worker.succeed();
    await closed;
    expect(state.heard).toMatch(/event: completed\n[^]*\n\n/);
    expect(warnings).toEqual([]);
    state.socket.destroy();
  });

  it('frees everything at once when its client disconnects', async () => {
    await start();
    const id = await submit();
    const clients = await Promise.all(Array.from({ length: 20 }, async () => await openUntil(id, 'event: status')));
    expect([await metric('prosemill_streams'), await metric('prosemill_waiters')]).toEqual([20, 20]);
    // Half of them by a reset.
    for (const [index, { socket }] of clients.entries()) {
      if (index % 2 === 0) socket.destroy();
      else socket.resetAndDestroy();
    }
    await expect.poll(async () => await metric('prosemill_streams')).toBe(0);
    expect(await metric('prosemill_waiters')).toBe(0);
    await expect.poll(ended).toEqual(Array.from({ length: 20 }, () => 'left'));
    expect(warnings).toEqual([]);
  });

  it.each(['1.1', '1.0'])('goes on for a client that closes only its side (HTTP/%s)', async (version) => {
    await start();
    const { socket, ...state } = await openUntil(await submit(), 'event: status', version);
    socket.on('data', (chunk) => (state.heard += String(chunk)));
    socket.end();
    await expect.poll(() => state.heard).toContain(':\n\n');
    await (await TestWorker.claim(opened.store, wakeUps)).succeed('b');
    await once(socket, 'end');
    expect(state.heard).toContain('event: completed');
    expect(warnings).toEqual([]);
  });

  it('is cut when its client does not read, while those of other clients go on', async () => {
    await start({ answerTimeoutMs: 500 });
    const id = await submit();
    const worker = await TestWorker.claim(opened.store, wakeUps);
    const good = await openUntil(id, 'event: status');
    const lazy = await Promise.all(Array.from({ length: 4 }, async () => await open(id)));
    for (const socket of lazy) socket.pause();
    await expect.poll(async () => await metric('prosemill_streams')).toBe(5);
    await worker.write(largePart);
    await expect.poll(async () => await metric('prosemill_streams')).toBe(1);
    expect(await metric('prosemill_unread_answers_total')).toBe(4);
    expect(warnings.every(([, message]) => message === 'clients did not read their answers')).toBe(true);
    await worker.succeed('!');
    await expect.poll(() => good.heard.includes('event: completed')).toBe(true);
    for (const socket of lazy) socket.destroy();
    good.socket.destroy();
  });

  it('ends at once when the server stops, also for a client that does not read', async () => {
    await start();
    const id = await submit();
    const worker = await TestWorker.claim(opened.store, wakeUps);
    const good = await openUntil(id, 'event: status');
    const lazy = await open(id);
    lazy.pause();
    await expect.poll(async () => await metric('prosemill_streams')).toBe(2);
    await worker.write(largePart);
    await expect.poll(() => good.heard.length).toBeGreaterThan(largePart.length);
    const goodEnd = once(good.socket, 'end');
    const begin = performance.now();
    await server.stop(20_000);
    expect(performance.now() - begin).toBeLessThan(5_000);
    await goodEnd;
    expect(good.heard.match(/^retry: \d+$/gm)).toHaveLength(2);
    await expect.poll(ended).toEqual(['stopped', 'stopped']);
    lazy.destroy();
  });

  it('is answered by a server that stops, however long other clients keep it from stopping', async () => {
    await start();
    const id = await submit();
    const stopping = server.stop(20_000);
    const socket = await open(id);
    // The server holds its answers back while clients come.
    const { hostname, port } = new URL(server.url);
    const come = (): Socket => connect({ port: Number(port), host: hostname }).on('error', () => undefined);
    const coming = setInterval(
      () =>
        come().once('connect', function leave(this: Socket) {
          this.destroy();
        }),
      20,
    );
    const heard = await text(socket);
    clearInterval(coming);
    expect(heard).toMatch(/^event: status$/m);
    expect(heard).toMatch(/^retry: \d+\n\n\r\n0\r\n/m);
    await stopping;
  });
});
