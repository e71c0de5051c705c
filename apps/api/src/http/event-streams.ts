/**
 * Answers that are streams of server-sent events. The body makes an event when the connection asks for one, so a client
 * that does not read has no queue, and its connection is cut like that of any unread answer.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import type { ServerResponse } from 'node:http';
import type { LiveEventType } from '@prosemill/contract';
import { answerWithin } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { describeError } from '../on-error.ts';

export interface ServerSentEvent {
  /** Default: an event without a type. */
  readonly event?: LiveEventType;
  readonly id?: string;
  /** One line. */
  readonly data?: string;
  /** How long the client waits before it connects again. */
  readonly retryMs?: number;
}

/** @param signal  Aborted when the client is gone; then the iteration must end at once. */
export type MakeEvents = (signal: AbortSignal) => AsyncGenerator<ServerSentEvent, void>;

export interface StreamEnd {
  /** `left`: by the client. `stopped`: by a stop of the process. `failed`: with an error event. */
  readonly ending: 'finished' | 'left' | 'stopped' | 'failed';
  /** Events that were sent. */
  readonly events: number;
}

export interface EventStreamsOptions {
  readonly countEvent: (type: LiveEventType | 'data') => void;
  /** Default: 15 s, less than the idle limits of proxies. */
  readonly pingMs?: number;
}

const defaultPingMs = 15_000;
/** The time for a client to read its last events at a stop. Then its connection is cut. */
const goodbyeMs = 1_000;
const ping = ': ping\n\n';

/**
 * The connection ends with its stream. Otherwise the client's next request could meet a closing connection at a stop.
 * `no-transform`: a compressing proxy would hold events back. `X-Accel-Buffering`: so would nginx, by its buffer.
 */
const headers = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
  Connection: 'close',
};

const streamAnswers = new WeakSet<ServerResponse>();

/** Whether an answer is a stream of events. A comment may be written to it at any time. */
export const isEventStream = (response: ServerResponse): boolean => streamAnswers.has(response);

export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #open = new Set<EventStream>();
  #isStopped = false;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
  }

  /** Open streams at the moment. */
  get count(): number {
    return this.#open.size;
  }

  /** An error of the iteration becomes the last event, `error`, in the format of the route. */
  answer(c: Context<ApiEnv>, makeEvents: MakeEvents): Response {
    // Nobody would read the body, or cancel it.
    if (c.req.raw.method === 'HEAD') return c.body(null, 200, headers);
    const stream = new EventStream(makeEvents, {
      pingMs: this.#options.pingMs ?? defaultPingMs,
      countEvent: this.#options.countEvent,
      isStopped: () => this.#isStopped,
      describeError: (error) => describeError(error, c).body,
      response: c.env?.outgoing,
    });
    this.#open.add(stream);
    c.set('streamEnd', stream.end);
    void stream.end.then(() => this.#open.delete(stream));
    return c.body(stream.body, 200, headers);
  }

  /** Streams end by themselves at a stop. Cuts those whose clients do not read, after `goodbyeMs`. Idempotent. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const stream of this.#open) stream.sayGoodbye();
  }
}

interface EventStreamOptions extends Required<EventStreamsOptions> {
  readonly isStopped: () => boolean;
  /** @returns one line */
  readonly describeError: (error: unknown) => string;
  /** Absent for calls that do not come over the network. */
  readonly response: ServerResponse | undefined;
}

class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: EventStreamOptions;
  readonly #events: AsyncGenerator<ServerSentEvent, void>;
  readonly #left = new AbortController();
  readonly #ended = Promise.withResolvers<StreamEnd>();
  /** The event that is being made; it outlasts pings. */
  #next: Promise<IteratorResult<ServerSentEvent, void>> | null = null;
  #sent = 0;
  #hasBegun = false;
  #goodbye: NodeJS.Timeout | undefined;

  constructor(makeEvents: MakeEvents, options: EventStreamOptions) {
    this.#options = options;
    this.#events = makeEvents(this.#left.signal);
    if (options.response !== undefined) streamAnswers.add(options.response);
    // Without a high-water mark of 0 an event would wait in the body for its reader.
    this.body = new ReadableStream(
      { pull: async (body) => await this.#pull(body), cancel: async () => await this.#cancel() },
      { highWaterMark: 0 },
    );
  }

  get end(): Promise<StreamEnd> {
    return this.#ended.promise;
  }

  /** Cuts a connection that is open after `goodbyeMs`. A stopping server may hold the answer back before that. */
  sayGoodbye(): void {
    if (this.#hasBegun) this.#goodbye = setTimeout(() => this.#options.response?.destroy(), goodbyeMs).unref();
  }

  async #pull(body: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      if (this.#options.isStopped()) this.sayGoodbye();
    }
    try {
      this.#next ??= this.#events.next();
      const result = await answerWithin(this.#options.pingMs, this.#next);
      if (this.#left.signal.aborted) return;
      if (result === null) return body.enqueue(encoded(ping));
      this.#next = null;
      if (result.done !== true) return this.#send(body, result.value);
      this.#finish(this.#options.isStopped() ? 'stopped' : 'finished');
    } catch (error) {
      if (this.#left.signal.aborted) return;
      this.#send(body, { event: 'error', data: this.#options.describeError(error) });
      this.#finish('failed');
    }
    body.close();
  }

  #send(body: ReadableStreamDefaultController<Uint8Array>, event: ServerSentEvent): void {
    body.enqueue(encoded(encodeEvent(event)));
    if (event.data === undefined) return;
    this.#sent += 1;
    this.#options.countEvent(event.event ?? 'data');
  }

  /** The client is gone. */
  async #cancel(): Promise<void> {
    const ending = this.#options.isStopped() ? 'stopped' : 'left';
    this.#left.abort();
    // The iteration may be in the middle of an event, which the abort ends.
    await this.#events.return().catch(() => undefined);
    this.#finish(ending);
  }

  #finish(ending: StreamEnd['ending']): void {
    clearTimeout(this.#goodbye);
    this.#ended.resolve({ ending, events: this.#sent });
  }
}

const encoder = new TextEncoder();
const encoded = (text: string): Uint8Array => encoder.encode(text);

export function encodeEvent({ event, id, data, retryMs }: ServerSentEvent): string {
  const fields = { event, id, retry: retryMs, data };
  const lines = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`]));
  return `${lines.join('')}\n`;
}
