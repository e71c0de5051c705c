import { getEventListeners } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { type Batch, createClient, type ProsemillClient } from './index.ts';
import { createTestService, endedJob, eventText, json, refusal, textStream } from './test-service.ts';

type Options = Parameters<ProsemillClient['health']>[0];
const ask = async (client: ProsemillClient, options: Options): Promise<unknown> => await client.health(options);
const look = async (client: ProsemillClient, options: Options) =>
  await client.getBatch('b1', { ...options, known: {} as Batch });
const live = async (client: ProsemillClient, options: Options) =>
  await Array.fromAsync(await client.live({ topic: ['jobs'] }, options));
const stream = async (client: ProsemillClient, options: Options) => await Array.fromAsync(client.stream('a1', options));
const exportAll = async (client: ProsemillClient, options: Options) =>
  await Array.fromAsync(client.export({}, options));
const leaveExport = async (client: ProsemillClient, options: Options) => {
  for await (const _ of client.export({}, options)) break;
};
const batch = async (client: ProsemillClient, options: Options = {}) =>
  await Array.fromAsync(client.batch([{ prompt: 'Once' }], options));

const page = () => new Response('<p>Welcome', { headers: { 'Content-Type': 'text/html' } });
const lost = (): Response => {
  throw new TypeError('reset');
};
const texts = () => textStream(['{"id":2}\n', '{"id":1}\n'], { mediaType: 'application/jsonl' });

it.each([
  ['an answer', ask, () => json({})],
  ['a refusal', ask, () => refusal('not_found', 404)],
  ['an answer of something else', ask, page],
  ['a loss', ask, lost],
  ['the end of a stream', stream, () => textStream([eventText('completed', '1-0', endedJob())])],
  ['an unchanged answer', look, () => new Response(null, { status: 304 })],
  ['the end of a connection', live, () => textStream([])],
  ['a refusal of a stream', stream, () => refusal('not_found', 404)],
  ['the end of an export', exportAll, texts],
  ['the break of its reader', leaveExport, texts],
  ['an export of something else', exportAll, page],
  ['the end of a batch', batch, () => json(endedJob())],
])('holds the signal of its caller and a timer until %s, and no longer', async (_, use, answer) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { signal } = new AbortController();
  const held = () => ({ listeners: getEventListeners(signal, 'abort').length, timers: vi.getTimerCount() });
  const during: unknown[] = [];
  const respond = async (): Promise<Response> => {
    during.push(held());
    return await Promise.resolve(answer());
  };
  const service = createTestService(respond, respond);
  await use(createClient({ ...service, retryForMs: 0 }), { signal }).catch(() => undefined);
  expect(during[0]).toEqual({ listeners: 1, timers: 1 });
  expect(held()).toEqual({ listeners: 0, timers: 0 });
});
