import { silentLogger } from '@prosemill/testkit';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import type { ApiEnv } from '../api-env.ts';
import { encodeEvent, EventStreams, type MakeEvents } from './event-streams.ts';
import { closedPolicy } from '@prosemill/contract';

async function answerOf(makeEvents: MakeEvents, pingMs = 60_000) {
  const counted: string[] = [];
  const streams = new EventStreams({ countEvent: (type) => void counted.push(type), pingMs });
  const app = new Hono<ApiEnv>();
  let end: ApiEnv['Variables']['streamEnd'];
  app.get('/', (c) => {
    c.set('policy', closedPolicy('GET', '/'));
    c.set('logger', silentLogger);
    c.set('basePath', '');
    c.set('requestId', 'r');
    const response = streams.answer(c, makeEvents);
    end = c.var.streamEnd;
    return response;
  });
  const { body } = await app.request('/');
  if (body === null || end === undefined) throw new Error('The answer is no stream.');
  return { streams, reader: body.getReader(), end, counted };
}

const decode = ({ value }: { readonly value?: Uint8Array | undefined }): string => new TextDecoder().decode(value);

describe('a stream of events', () => {
  it.each([
    [{ data: '[DONE]' }, 'data: [DONE]\n\n'],
    [{ retryMs: 5 }, 'retry: 5\n\n'],
    [{ event: 'token', id: '1-2', data: '{}', retryMs: 5 }, 'event: token\nid: 1-2\nretry: 5\ndata: {}\n\n'],
  ] as const)('writes %o', (event, text) => {
    expect(encodeEvent(event)).toBe(text);
  });

  it('makes an event only when its reader asks for one', async () => {
    let made = 0;
    const { reader } = await answerOf(async function* count() {
      for (;;) yield { data: String((made += 1)) };
    });
    expect(made).toBe(0);
    for (const data of ['1', '2']) expect(decode(await reader.read())).toBe(`data: ${data}\n\n`);
    await new Promise(setImmediate);
    expect(made).toBe(2);
  });

  it('sends comments while there is no event, and loses none', async () => {
    const event = Promise.withResolvers<void>();
    const { reader, end, counted } = await answerOf(async function* late() {
      await event.promise;
      yield { event: 'token', data: '1' };
    }, 5);
    for (let pings = 0; pings < 3; pings += 1) expect(decode(await reader.read())).toBe(': ping\n\n');
    event.resolve();
    let text = '';
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) text += decode(chunk);
    expect(text.replaceAll(': ping\n\n', '')).toBe('event: token\ndata: 1\n\n');
    expect([await end, counted]).toEqual([{ ending: 'finished', events: 1 }, ['token']]);
  });

  it('ends with an event for an error', async () => {
    const { reader, end, streams } = await answerOf(async function* fail() {
      yield { data: '1' };
      throw new Error('numbats');
    });
    await reader.read();
    const last = decode(await reader.read());
    expect(last).toMatch(/^event: error\ndata: \{.*"code":"internal".*\}\n\n$/);
    expect(last).not.toContain('numbats');
    expect((await reader.read()).done).toBe(true);
    expect(await end).toEqual({ ending: 'failed', events: 2 });
    expect(streams.count).toBe(0);
  });

  it('ends its iteration when the reader leaves: before the first event, during one, and between two', async () => {
    for (const reads of [0, 1, 2]) {
      let isOver = false;
      const { reader, end, streams } = await answerOf(async function* wait(signal) {
        try {
          yield { data: '1' };
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        } finally {
          isOver = true;
        }
      });
      for (let read = 0; read < Math.min(reads, 1); read += 1) await reader.read();
      const pending = reads === 2 ? reader.read() : null;
      expect(streams.count).toBe(1);
      await reader.cancel();
      expect(await end).toEqual({ ending: 'left', events: Math.min(reads, 1) });
      await pending;
      await expect.poll(() => isOver || reads === 0).toBe(true);
      expect(streams.count).toBe(0);
    }
  });

  it('says that the process stopped', async () => {
    const stopped = Promise.withResolvers<void>();
    const { reader, end, streams } = await answerOf(async function* untilStop() {
      await stopped.promise;
      yield { retryMs: 1 };
    });
    const last = reader.read();
    streams.stop();
    stopped.resolve();
    expect(decode(await last)).toBe('retry: 1\n\n');
    expect((await reader.read()).done).toBe(true);
    expect(await end).toEqual({ ending: 'stopped', events: 0 });
  });
});
