import { createClient } from '@prosemill/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobListener } from './live.ts';
import { Live } from './live.ts';
import { endedJob, testJob } from './test-job.ts';

const id = testJob().id;

/** The service at the other end of the stream: its side of each connection. */
function setup() {
  const connections: { path: string; send: (text: string) => void; end: () => void; break: () => void }[] = [];
  const url = 'http://service.test/';
  const connect: typeof fetch = async (input, init) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const encoder = new TextEncoder();
        init?.signal?.addEventListener('abort', () => controller.error(new Error('aborted')));
        connections.push({
          path: (input as string).slice(url.length),
          send: (text) => controller.enqueue(encoder.encode(text)),
          end: () => controller.close(),
          break: () => controller.error(new Error('broken')),
        });
      },
    });
    return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
  };
  const asked: string[] = [];
  const client = createClient({ url, fetch: connect });
  const live = new Live({
    open: async (filters, signal) => ({ ok: true, body: await client.live(filters, { signal }) }),
    async getJob(askedId) {
      asked.push(askedId);
      return { ok: true, body: endedJob(' there was') };
    },
  });
  const heard: string[] = [];
  const listener: JobListener = {
    onStatus: ({ status }) => heard.push(status),
    onTokens: ({ text, tokens }) => heard.push(`${text} ${tokens}`),
    onReset: () => heard.push('reset'),
    onCompleted: ({ status }) => heard.push(`completed ${status}`),
    onFailed: ({ code }) => heard.push(`failed ${code}`),
  };
  return { live, listener, heard, connections, asked };
}

const event = (name: string, data: object, position = ''): string =>
  `event: ${name}\n${position === '' ? '' : `id: ${position}\n`}data: ${JSON.stringify({ job_id: id, ...data })}\n\n`;

/** Lets the reader of the stream read. */
const read = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(1);
};

describe('the stream of a tab', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('location', { host: 'host' });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is one connection for jobs and topics that begin together', async () => {
    const { live, listener, connections } = setup();
    live.watchJob('a', listener);
    live.watchJob('b', listener);
    live.watchTopic('jobs', () => undefined);
    await vi.advanceTimersByTimeAsync(50);
    expect(connections.map(({ path }) => path)).toEqual(['live?job=a&job=b&topic=jobs']);
  });

  it('asks for the jobs that a connection has no room for, until one of its own ends', async () => {
    const { live, listener, connections, asked } = setup();
    live.watchJob(id, listener);
    for (let number = 2; number <= 16; number += 1) live.watchJob(`job-${number}`, listener);
    live.watchJob('job-17', listener);
    live.watchJob('job-18', listener);
    await vi.advanceTimersByTimeAsync(50);
    expect(connections[0]?.path.match(/job=/g)).toHaveLength(16);
    connections[0]?.send(event('completed', endedJob(' was')));
    await vi.advanceTimersByTimeAsync(50);
    expect(connections[1]?.path).toMatch(/^live\?job=job-2&.*&job=job-17$/);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked).toEqual(['job-18']);
  });

  it('tells a job’s listener everything, and ends with its job', async () => {
    const { live, listener, heard, connections } = setup();
    live.watchJob(id, listener);
    await vi.advanceTimersByTimeAsync(50);
    connections[0]?.send(event('status', testJob(), '1-0-0'));
    connections[0]?.send(event('token', { text: ' there', tokens: 1 }, '1-6-0'));
    connections[0]?.send(event('reset', { version: 2 }) + event('completed', endedJob(' was'), '3-4-0'));
    await vi.advanceTimersByTimeAsync(50);
    expect(heard).toEqual(['running', ' there 1', 'reset', 'completed succeeded']);
    expect(live.state.value).toBe('idle');
  });

  it('goes on at once at the position of the job when the connection breaks', async () => {
    const { live, listener, connections } = setup();
    live.watchJob(id, listener);
    await vi.advanceTimersByTimeAsync(50);
    connections[0]?.send(event('token', { text: ' there', tokens: 1 }, '1-6-abc'));
    await read();
    connections[0]?.break();
    await read();
    expect(connections[1]?.path).toBe(`live?job=${id}%401-6-abc`);
    expect(live.state.value).toBe('connected');
  });

  it('waits as long as the service wants when that ends the stream', async () => {
    const { live, listener, connections } = setup();
    live.watchJob(id, listener);
    await vi.advanceTimersByTimeAsync(50);
    connections[0]?.send('retry: 1000\n\n');
    await read();
    connections[0]?.end();
    await vi.advanceTimersByTimeAsync(700);
    expect(connections).toHaveLength(1);
    expect(live.state.value).toBe('lost');
    await vi.advanceTimersByTimeAsync(400);
    expect(connections).toHaveLength(2);
  });

  it('is dead when it is silent, and asks for the jobs when streams do not get through', async () => {
    const { live, listener, heard, connections, asked } = setup();
    live.watchJob(id, listener);
    await vi.advanceTimersByTimeAsync(50);
    connections[0]?.send(': ping\n\n');
    await vi.advanceTimersByTimeAsync(44_000);
    expect(connections).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(3 * 60_000);
    expect(asked).toEqual([id]);
    expect(heard).toEqual(['completed succeeded']);
    expect(live.state.value).toBe('idle');
  });

  it('closes when nobody looks for ten seconds, and opens when somebody looks again', async () => {
    const { live, listener, connections } = setup();
    live.watchJob(id, listener);
    await vi.advanceTimersByTimeAsync(50);
    live.setSeen(false);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(live.state.value).toBe('connected');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(live.state.value).toBe('idle');
    live.setSeen(true);
    await vi.advanceTimersByTimeAsync(50);
    expect(connections).toHaveLength(2);
  });

  it('goes on without a topic that nobody reads any more', async () => {
    const { live, listener, connections } = setup();
    const data: unknown[] = [];
    live.watchJob(id, listener);
    const unwatch = live.watchTopic('machine', (machine) => data.push(machine));
    await vi.advanceTimersByTimeAsync(50);
    connections[0]?.send('event: machine\ndata: {"now":1}\n\n');
    await read();
    expect(data).toEqual([{ now: 1 }]);
    unwatch();
    await vi.advanceTimersByTimeAsync(50);
    expect(connections[1]?.path).toBe(`live?job=${id}`);
  });

  it('tells the listener of a job that the service does not show', async () => {
    const { live, listener, heard, connections } = setup();
    live.watchJob(id, listener);
    await vi.advanceTimersByTimeAsync(50);
    connections[0]?.send(event('error', { code: 'not_found' }));
    await vi.advanceTimersByTimeAsync(50);
    expect(heard).toEqual(['failed not_found']);
  });
});
