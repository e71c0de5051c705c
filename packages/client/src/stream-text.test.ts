import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createClient, type StreamEvent } from './index.ts';
import {
  createTestService,
  endedJob,
  eventText,
  refusal,
  type TestAnswer,
  testJob,
  textStream,
} from './test-service.ts';

const status = eventText('status', '1-0', testJob());
const token = (id: string, text: string): string => eventText('token', id, { text, tokens: 1, now: '' });
const completed = eventText('completed', '2-9', endedJob());

async function read(source: Parameters<ReturnType<typeof createClient>['stream']>[0], ...answers: TestAnswer[]) {
  const service = createTestService(...answers);
  const events: StreamEvent[] = [];
  const stream = createClient(service).stream(source);
  const failure = await (async () => {
    for await (const event of stream) events.push(event);
    return null;
  })().catch((error: unknown) => error);
  return { events, requests: service.requests, failure, completion: events.at(-1)?.completion };
}

/** Gives no answer. */
const silent: TestAnswer = async (_request, signal) =>
  await new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error));
  });

describe('stream', () => {
  it('yields the job, its text and its end', async () => {
    const { events } = await read('a1', textStream([status, token('1-5', ' upon'), completed]));
    expect(events).toMatchObject([
      { type: 'status', job: { id: 'a1' }, completion: '' },
      { type: 'token', text: ' upon', completion: ' upon' },
      { type: 'completed', job: { status: 'succeeded' }, completion: ' upon' },
    ]);
  });

  it('of a request goes on with its job after a loss, behind the last event', async () => {
    const { requests, completion } = await read(
      { prompt: 'Once' },
      textStream([status, token('1-3-aa', ' up'), 'event: token\nid: 9'], { isBroken: true }),
      textStream([status, token('1-5', 'on'), completed]),
    );
    expect(completion).toBe(' upon');
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
      ['POST /generate', 'GET /jobs/a1/stream?after=1-0'].with(1, 'GET /jobs/a1/stream?after=1-3-aa'),
    );
  });

  it('submits again with the same key while it knows no job', async () => {
    const { requests, completion } = await read(
      { prompt: 'Once' },
      textStream(['retry: 1\n\n'], { isBroken: true }),
      textStream([status, token('1-5', ' upon'), completed]),
    );
    expect(completion).toBe(' upon');
    expect(requests.map(({ path, headers }) => [path, headers.get('Idempotency-Key')])).toEqual([
      ['/generate', requests[0]?.headers.get('Idempotency-Key')],
      ['/generate', requests[0]?.headers.get('Idempotency-Key')],
    ]);
  });

  it('goes on when a stopping process ends the stream, after its pause', async () => {
    const { completion } = await read(
      'a1',
      textStream([status, token('1-3', ' up'), 'retry: 1\n\n']),
      refusal('shutting_down', 503, { afterMs: 1 }),
      textStream([status, token('1-5', 'on'), completed]),
    );
    expect(completion).toBe(' upon');
  });

  it('empties its text after a reset', async () => {
    const reset = eventText('reset', '3-0', { version: 3, reason: 'rerun' });
    const { events, completion } = await read(
      'a1',
      textStream([status, token('1-3', 'abc'), reset, token('3-5', ' upon'), completed]),
    );
    expect(completion).toBe(' upon');
    expect(events[2]).toEqual({ type: 'reset', reason: 'rerun', completion: '' });
  });

  it('keeps characters whole whose bytes come in two pieces', async () => {
    const bytes = new TextEncoder().encode(status + token('1-3', '狐👩‍👧') + completed);
    const chunks = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    expect((await read('a1', textStream(chunks))).completion).toBe('狐👩‍👧');
  });

  it('goes on when a connection gives no answer, or none any more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const cutOff: TestAnswer = async (_request, signal) => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(status + token('1-3', ' up')));
          signal?.addEventListener('abort', () => controller.error(signal.reason));
        },
      });
      return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
    };
    const reading = read('a1', silent, cutOff, silent, textStream([status, token('1-5', 'on'), completed]));
    await vi.advanceTimersByTimeAsync(200_000);
    expect((await reading).completion).toBe(' upon');
  });

  it('ends with a refusal', async () => {
    const { failure } = await read('a1', refusal('not_found', 404));
    expect(failure).toMatchObject({ code: 'not_found' });
  });

  it('closes its connection when its reader leaves', async () => {
    let given: AbortSignal | null = null;
    const service = createTestService(async (_request, signal) => {
      given = signal;
      return textStream([status, token('1-3', ' up'), token('1-5', 'on')]);
    });
    for await (const event of createClient(service).stream('a1')) if (event.type === 'token') break;
    expect(given).toMatchObject({ aborted: true });
  });
});
