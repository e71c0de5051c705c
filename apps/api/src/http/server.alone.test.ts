import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { JobBody, Problem } from '@prosemill/contract';
import { errorLine, type Store } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiServer, startServer } from './server.ts';
import { openTestApi, type TestApi } from '../test-api.ts';

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

const maxQueueLength = 2_000;
/** Longer than any stop in this file. */
const deadlineMs = 20_000;
const job = { prompt: 'Once upon a time', max_new_tokens: 5 };

/** Null for a closed port. After any other error a client cannot know whether its request was obeyed. */
function goneOrThrow(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return null;
  throw error;
}

const isRefusal = ({ status, headers, body }: Answer): boolean =>
  status === 503 &&
  headers['connection'] === 'close' &&
  headers['retry-after'] === '1' &&
  (body as Problem).code === 'shutting_down';

describe('the server of the API', () => {
  let opened: TestApi;
  let store: Store;
  let server: ApiServer;
  /** Keeps connections alive. */
  let agent: Agent;

  beforeEach(async () => {
    opened = await openTestApi({ maxQueueLength });
    ({ store } = opened);
    server = await startServer({ api: opened.api, host: '127.0.0.1', port: 0, logger: silentLogger });
    agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
  });
  afterEach(async () => {
    agent.destroy();
    await server.stop(deadlineMs);
    await opened.close();
  });

  async function send(path: string, json?: unknown): Promise<Answer> {
    const request = httpRequest(`${server.url}${path}`, {
      agent,
      method: json === undefined ? 'GET' : 'POST',
      headers: { 'Content-Type': 'application/json' },
    });
    request.end(json === undefined ? undefined : JSON.stringify(json));
    const [response] = (await once(request, 'response')) as [
      AsyncIterable<Buffer> & Omit<Answer, 'body'> & { statusCode?: number },
    ];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body: unknown = text.startsWith('{') ? JSON.parse(text) : text;
    return { status: response.statusCode, headers: response.headers, body };
  }

  const submit = async (): Promise<Answer> => await send('/jobs', job);

  async function waiters(): Promise<number> {
    return Number(/^prosemill_waiters (\d+)$/m.exec(String((await send('/metrics')).body))?.[1]);
  }

  it('stops under load without a loss: each request is accepted and stored, or refused, or finds the port closed', async () => {
    const accepted: string[] = [];
    const odd: Answer[] = [];
    const { promise: busy, resolve: isBusy } = Promise.withResolvers<void>();
    async function submitUntilRefused(): Promise<void> {
      for (;;) {
        const answer = await submit().catch(goneOrThrow);
        if (answer === null) return;
        if (answer.status === 202) accepted.push((answer.body as JobBody).id);
        else if (isRefusal(answer)) return;
        else odd.push(answer);
        if (accepted.length === 300) isBusy();
      }
    }
    const waiting = Array.from({ length: 50 }, async () => await send('/generate', job));
    const submitters = Array.from({ length: 100 }, submitUntilRefused);
    await busy;
    await server.stop(deadlineMs);
    await Promise.all(submitters);
    const answers = await Promise.all(waiting);
    expect(odd).toEqual([]);
    expect(answers.map(({ status, headers }) => [status, headers['connection']])).toEqual(
      answers.map(() => [202, 'close']),
    );
    accepted.push(...answers.map(({ body }) => (body as JobBody).id));
    const everything = {
      ownerId: 'local',
      after: null,
      limit: 5_000,
    };
    const stored = (await store.jobs.list(everything)).items.map(({ id }) => id);
    expect(accepted.toSorted()).toEqual(stored.toSorted());
  });

  it('resets no client that keeps coming while it stops: each request gets an answer, or finds the port closed', async () => {
    const endings = new Map<string, number>();
    const { promise: busy, resolve: isBusy } = Promise.withResolvers<void>();
    async function submitOnce(): Promise<string> {
      const headers = { 'Content-Type': 'application/json' };
      try {
        const response = await fetch(`${server.url}/jobs`, { method: 'POST', headers, body: JSON.stringify(job) });
        await response.text();
        return `${response.status}, again after ${response.headers.get('Retry-After')}`;
      } catch (error) {
        return errorLine(error).replace(/.*(ECONNREFUSED).*/, '$1');
      }
    }
    async function submitUntilGone(): Promise<void> {
      for (let ending = ''; ending !== 'ECONNREFUSED';) {
        ending = await submitOnce();
        endings.set(ending, (endings.get(ending) ?? 0) + 1);
        if (endings.get(accepted) === 300) isBusy();
      }
    }
    const accepted = '202, again after 1';
    const submitters = Array.from({ length: 50 }, submitUntilGone);
    await busy;
    await server.stop(deadlineMs);
    await Promise.all(submitters);
    expect([...endings.keys()].toSorted()).toEqual([accepted, '503, again after 1', 'ECONNREFUSED']);
  });

  it('answers probes on open connections while it stops', async () => {
    await Promise.all(['/livez', '/livez', '/livez'].map(async (path) => await send(path)));
    const stopped = server.stop(deadlineMs);
    const answers = await Promise.all(['/livez', '/readyz', '/jobs'].map(async (path) => await send(path)));
    expect(answers.map(({ status, headers }) => [status, headers['connection']])).toEqual([
      [200, 'close'],
      [503, 'close'],
      [503, 'close'],
    ]);
    await stopped;
  });

  it('waits for a request that is still arriving, and closes idle connections', async () => {
    const { hostname, port } = new URL(server.url);
    const open = async (): Promise<Socket> => {
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      return socket;
    };
    const [unused, slow] = [await open(), await open()];
    slow.write('GET /jobs HTTP/1.1\r\nHost: x\r\n');
    await send('/livez');
    const stopped = server.stop(deadlineMs);
    await once(unused.resume(), 'end');
    slow.write('\r\n');
    let text = '';
    for await (const chunk of slow) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    await stopped;
  });

  it.each([
    ['POST /generate', 'POST /generate HTTP/1.1', JSON.stringify(job)],
    ['GET /jobs/{id}?wait', null, ''],
  ])(
    'frees 1,000 clients that disconnect from %s long before their wait ends, and their jobs go on',
    async (_name, line, body) => {
      const { id } = (await submit()).body as JobBody;
      const { hostname, port } = new URL(server.url);
      const head = `${line ?? `GET /jobs/${id}?wait=60 HTTP/1.1`}\r\nHost: x\r\nContent-Type: application/json\r\n`;
      const clients = Array.from({ length: 1_000 }, () => {
        const socket = connect(Number(port), hostname);
        socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
        return socket;
      });
      await expect.poll(waiters, { timeout: 20_000 }).toBe(1_000);
      const { queued } = await store.jobs.measureQueue();
      for (const client of clients) client.destroy();
      await expect.poll(waiters, { timeout: 20_000 }).toBe(0);
      expect(await store.jobs.measureQueue()).toMatchObject({ queued, running: 0 });
    },
  );

  it('refuses jobs beyond the bound of the queue, with the time of a retry', async () => {
    await Promise.all(Array.from({ length: maxQueueLength }, submit));
    const { status, headers, body } = await submit();
    expect([status, (body as Problem).code]).toEqual([503, 'queue_full']);
    expect(headers).toMatchObject({ 'retry-after': '5', 'retry-after-ms': '5000', 'x-should-retry': 'true' });
  });
});
