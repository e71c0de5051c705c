import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type OpenStream, type ReadEnding, StreamClient } from './stream-client.ts';
import { codePointsOf } from './stream-state.ts';

const prompt = 'Once';
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

const eventOf = (type: string, id: string, data: object): string =>
  `event: ${type}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
/** The id after this text in version 3. */
const after = (text: string): string => `3-${codePointsOf(text)}-${crc32(text).toString(16).padStart(8, '0')}`;
const job = (status: string, text: string | null = null) => ({
  id: 'a',
  object: 'job',
  status,
  attempt: 1,
  prompt,
  output: text === null ? null : { generated_text: prompt + text },
});
const statusEvent = (text = '', id = after(text)): string => eventOf('status', id, job('running'));
const tokenEvent = (before: string, text: string, id = after(before + text)): string =>
  eventOf('token', id, { text, tokens: 1, now: '2026-11-29T00:00:00.000Z' });
const resetEvent = eventOf('reset', after(''), { version: 3, reason: 'the text is another one' });
const completedEvent = (text: string, kept = text): string => eventOf('completed', after(text), job('succeeded', kept));

/** A stream with this body, whatever the client has. */
const serve =
  (...events: readonly string[]): OpenStream =>
  async () =>
    new Response(bytesOf(events.join('')), { headers: { 'Content-Type': 'text/event-stream' } });

const read = async (...events: readonly string[]): Promise<ReadEnding['type']> =>
  (await new StreamClient().read(serve(...events))).type;

describe('a client of event streams', () => {
  it('collects the text of the job', async () => {
    const client = new StreamClient();
    const events = [statusEvent(), tokenEvent('', ' 🦊'), tokenEvent(' 🦊', '狐'), completedEvent(' 🦊狐')];
    expect(await client.read(serve('retry: 2000\n\n', ': ping\n\n', ...events))).toEqual({ type: 'completed' });
    expect([client.text, client.job?.status, client.retryMs]).toEqual([' 🦊狐', 'succeeded', 2_000]);
  });

  it('is cut after any byte, and keeps whole events only', async () => {
    const first = [statusEvent(), tokenEvent('', ' 🦊')].join('');
    const rest = [statusEvent(' 🦊'), tokenEvent(' 🦊', '狐'), completedEvent(' 🦊狐')];
    const whole = bytesOf(first).length;
    for (let bytes = 1; bytes <= whole; bytes += 1) {
      const client = new StreamClient();
      const ending = await client.read(serve(first, tokenEvent(' 🦊', '狐')), { cutAfterBytes: bytes });
      expect(ending).toEqual({ type: 'cut' });
      expect(client.text).toBe(bytes < whole ? '' : ' 🦊');
      if (bytes === whole) expect(await client.read(serve(...rest))).toEqual({ type: 'completed' });
    }
  });

  it('empties its text at a reset', async () => {
    const client = new StreamClient();
    const events = [statusEvent(), tokenEvent('', 'one'), resetEvent, tokenEvent('', 'two'), completedEvent('two')];
    expect(await client.read(serve(...events))).toEqual({ type: 'completed' });
    expect([client.text, client.resets]).toEqual(['two', 1]);
  });

  it('tells an end, a loss and a refusal apart', async () => {
    expect(await read(statusEvent())).toBe('ended');
    expect((await new StreamClient().read(async () => Response.json({}, { status: 503 }))).type).toBe('refused');
    const lost = await new StreamClient().read(async () => Promise.reject(new Error('refused')));
    expect(lost.type).toBe('lost');
  });

  it.each<readonly [string, readonly string[], string]>([
    ['a character twice', [statusEvent(), tokenEvent('', 'ab'), tokenEvent('a', 'bc')], 'has 4 characters'],
    ['a missing character', [statusEvent(), tokenEvent('', 'a'), tokenEvent('ab', 'c')], 'has 2 characters'],
    ['another character', [statusEvent(), tokenEvent('', 'a', after('b'))], 'has another text'],
    ['half a character', [statusEvent(), tokenEvent('', '\u{d83e}')], 'not well-formed'],
    ['an offset that forgets the text', [statusEvent(), tokenEvent('', 'a'), statusEvent()], 'has 1 characters'],
    ['another text at the end', [statusEvent(), tokenEvent('', 'a'), completedEvent('a', 'ab')], "not the job's text"],
    ['a text before the status', [tokenEvent('', 'a')], 'the first event is no status'],
    ['an end of a running job', [statusEvent(), eventOf('completed', after(''), job('running'))], 'the job is running'],
    ['an event after the end', [statusEvent(), completedEvent(''), statusEvent()], 'after the end'],
    [
      'a version that goes back',
      [statusEvent('', after('').replace('3', '4')), statusEvent()],
      'version 4 came before',
    ],
    ['an event without an id', [statusEvent(), 'event: token\ndata: {"text":"","tokens":1,"now":"2026"}\n\n'], 'no id'],
    ['an unknown event', [statusEvent(), eventOf('hello', after(''), {})], 'its type is unknown'],
  ])('finds %s', async (_name, events, reason) => {
    await expect(read(...events)).rejects.toThrow(reason);
  });
});
