import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { LogFields, Logger } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiServer, startServer } from './server.ts';
import { openTestApi, type TestApi } from '../test-api.ts';

const body = '{"prompt":"Once upon a time"}';
const generate = (version = '1.1', headers = ''): string =>
  `POST /generate HTTP/${version}\r\nHost: x\r\nContent-Type: application/json\r\nPrefer: wait=2\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

async function hearOut(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  await once(socket, 'end');
  return text;
}

const statusesIn = (answer: string): readonly number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

describe('a client that closes its side after its request', () => {
  let opened: TestApi;
  let server: ApiServer;
  const complaints: (readonly [LogFields, string])[] = [];
  const complain = (fields: LogFields, message: string): void => void complaints.push([fields, message]);
  const logger: Logger = { ...silentLogger, warn: complain, error: complain, child: () => logger };
  beforeEach(async () => {
    complaints.length = 0;
    opened = await openTestApi({ logger });
    server = await startServer({ api: opened.api, host: '127.0.0.1', port: 0, logger });
  });
  afterEach(async () => {
    await server.stop(1_000);
    await opened.close();
  });

  async function open(): Promise<Socket> {
    const { hostname, port } = new URL(server.url);
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }
  async function waiters(): Promise<number> {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^prosemill_waiters (\d+)$/m.exec(text)?.[1]);
  }

  it.each(['1.1', '1.0'])('gets the answer to a wait, HTTP/%s', async (version) => {
    const socket = await open();
    socket.end(generate(version));
    const statuses = statusesIn(await hearOut(socket));
    expect(statuses.filter((status) => status !== 100)).toEqual([202]);
    expect(statuses.includes(100)).toBe(version === '1.1');
  });

  it('gets the text when the job ends in time', async () => {
    const socket = await open();
    socket.end(generate());
    const heard = hearOut(socket);
    const { jobs } = opened.store;
    await expect.poll(async () => (await jobs.measureQueue()).queued).toBe(1);
    const model = { name: 'm', revision: '1', engine: 'transformers', dtype: 'fp32', fingerprint: 'f' } as const;
    const claimed = await jobs.claim({ workerId: 'w', model, leaseMs: 30_000, fromClass: 0 });
    if (claimed === null) throw new Error('Nothing to claim.');
    await jobs.complete(claimed.job, {
      type: 'succeeded',
      result: {
        completion: ' there was',
        finishReason: 'length',
        usage: { promptTokens: 1, completionTokens: 1 },
        timeToFirstTokenMs: 1,
        generationMs: 1,
        modelName: 'm',
      },
    });
    const answer = await heard;
    expect(statusesIn(answer).at(-1)).toBe(200);
    expect(answer).toContain('there was');
  });

  it('gets an error for an incomplete request', async () => {
    const socket = await open();
    socket.end(generate().slice(0, -5));
    const answer = await hearOut(socket);
    expect(statusesIn(answer)).toEqual([400]);
    expect(answer).toContain('before it was whole');
    expect(complaints).toEqual([]);
  });

  it('and then disconnects is forgotten long before its wait ends', async () => {
    const socket = await open();
    socket.end(generate('1.1', 'Connection: close\r\n').replace('wait=2', 'wait=60'));
    await expect.poll(waiters).toBe(1);
    await once(socket, 'data');
    expect(await waiters()).toBe(1);
    const begin = performance.now();
    socket.destroy();
    await expect.poll(waiters, { interval: 20 }).toBe(0);
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(complaints).toEqual([]);
  });
});
