/**
 * A client of one job's event stream. It may be cut at any byte, goes on anywhere after the last event, and checks each
 * event against the promises of the stream.
 */
import { createParser } from 'eventsource-parser';
import { type ShownJob, StreamState } from './stream-state.ts';

/**
 * Opens a connection, by `fetch` or in process.
 * @param lastEventId  Null for the first connection.
 */
export type OpenStream = (lastEventId: string | null, signal: AbortSignal) => Promise<Response>;

export interface ReadOptions {
  /** Cuts the connection after this many bytes of the body. Default: never. */
  readonly cutAfterBytes?: number;
  /** Cuts the connection. */
  readonly signal?: AbortSignal;
}

/**
 * - `completed`: the job has ended, and its text is complete.
 * - `cut`: by the client.
 * - `ended`: by the server, before the end of the job.
 * - `lost`: the connection could not be opened, or broke.
 * - `refused`: another answer than a stream.
 */
export type ReadEnding =
  | { readonly type: 'completed' | 'cut' | 'ended' }
  | { readonly type: 'lost'; readonly cause: unknown }
  | { readonly type: 'refused'; readonly response: Response };

/** A token event and its way to the client. */
export interface TokenArrival {
  /** The time of sending. */
  readonly sentAtMs: number;
  readonly arrivedAtMs: number;
  /** New tokens of the job so far. */
  readonly tokens: number;
}

export class StreamClient {
  readonly #state = new StreamState();
  readonly arrivals: TokenArrival[] = [];
  connections = 0;
  /** The last `retry:`, in milliseconds; null before the first. */
  retryMs: number | null = null;
  /** The address of the last answer; empty in process. */
  url = '';
  /** Called after each event. */
  onEvent: (type: string) => void = () => undefined;

  get text(): string {
    return this.#state.text;
  }

  get lastEventId(): string | null {
    return this.#state.lastEventId;
  }

  get job(): StreamState['job'] {
    return this.#state.job;
  }

  /** The last job that this connection showed, or the last connection if there is none; null: none. */
  get shown(): ShownJob | null {
    return this.#state.shown;
  }

  get resets(): number {
    return this.#state.resets;
  }

  get error(): StreamState['error'] {
    return this.#state.error;
  }

  /**
   * Reads one connection to its end.
   * @throws for an event that breaks a promise of the stream
   */
  async read(open: OpenStream, options: ReadOptions = {}): Promise<ReadEnding> {
    const leaving = new AbortController();
    const signals = [leaving.signal, options.signal ?? []].flat();
    this.connections += 1;
    this.#state.beginConnection();
    let response: Response;
    try {
      response = await open(this.#state.lastEventId, AbortSignal.any(signals));
    } catch (cause) {
      return { type: options.signal?.aborted === true ? 'cut' : 'lost', cause };
    }
    this.url = response.url;
    const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream') ?? false;
    if (response.status !== 200 || !isStream || response.body === null) return { type: 'refused', response };
    try {
      return await this.#readBody(response.body, options);
    } finally {
      leaving.abort();
    }
  }

  async #readBody(body: ReadableStream<Uint8Array>, options: ReadOptions): Promise<ReadEnding> {
    const ending = await this.#readChunks(body, options);
    // The client has all events then, so the end of its connection does not matter.
    return this.#state.isCompleted ? { type: 'completed' } : ending;
  }

  async #readChunks(body: ReadableStream<Uint8Array>, options: ReadOptions): Promise<ReadEnding> {
    const { cutAfterBytes = Number.POSITIVE_INFINITY, signal } = options;
    const feed = this.#createFeed();
    const reader = body.getReader();
    for (let received = 0; ;) {
      const chunk = await reader.read().catch((cause: unknown) => ({ cause }));
      if ('cause' in chunk) return signal?.aborted === true ? { type: 'cut' } : { type: 'lost', cause: chunk.cause };
      if (chunk.done) return { type: 'ended' };
      feed(chunk.value.subarray(0, cutAfterBytes - received));
      received += chunk.value.length;
      if (received < cutAfterBytes) continue;
      await reader.cancel();
      return { type: 'cut' };
    }
  }

  /** Bytes after the last whole event of a connection are dropped, as by every client of event streams. */
  #createFeed(): (bytes: Uint8Array) => void {
    const state = this.#state;
    const decoder = new TextDecoder('utf-8', { fatal: true });
    const parser = createParser({
      onEvent: ({ event: type = 'message', id = null, data: json }) => {
        const data = JSON.parse(json) as Readonly<Record<string, unknown>>;
        state.add({ type, id, data });
        if (type === 'token') {
          const sentAtMs = Date.parse(String(data['now']));
          this.arrivals.push({ sentAtMs, arrivedAtMs: Date.now(), tokens: Number(data['tokens']) });
        }
        this.onEvent(type);
      },
      onRetry: (ms) => (this.retryMs = ms),
      onError: (error) => {
        throw error;
      },
    });
    return (bytes) => parser.feed(decoder.decode(bytes, { stream: true }));
  }
}

export interface StreamAddress {
  readonly url: string;
  readonly jobId: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Opens `GET /jobs/{id}/stream`. */
export const streamOf =
  ({ url, jobId, headers = {} }: StreamAddress): OpenStream =>
  async (lastEventId, signal) =>
    await fetch(`${url}/jobs/${jobId}/stream`, {
      headers: { ...headers, ...(lastEventId === null ? {} : { 'Last-Event-ID': lastEventId }) },
      signal,
    });
