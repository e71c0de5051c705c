/** Requests with the key of the client, time limits, and repetitions as the hints of the service say. */
import { delay } from './delay.ts';
import { errorOf, malformedAnswer, noAnswer, ProsemillError, UnsendableRequest } from './errors.ts';
import { LinkedController } from './linked-controller.ts';
import { readText } from './read-text.ts';
import { pauseBeforeRetry } from './retry-hint.ts';
import type { GenerationRequest } from './types.ts';

export interface TransportOptions {
  /** The address of the service, with its base path if it has one. */
  readonly url: string;
  /** The secret of an API key. */
  readonly apiKey?: string | undefined;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** How long a request without success is repeated; default 120,000 ms. 0: never. */
  readonly retryForMs?: number | undefined;
  /** Called before each repetition. */
  readonly onRetry?: ((error: ProsemillError, pauseMs: number) => void) | undefined;
}

export interface CallOptions {
  /** Ends the call, which then throws the reason of the signal. The job goes on. */
  readonly signal?: AbortSignal | undefined;
}

export interface RequestOptions extends CallOptions {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Query | undefined;
  /** An earlier body of the same request, which is the body again if nothing has changed. */
  readonly known?: object | null | undefined;
  /** Whether a second one would do harm, so that a lost answer is not asked for again. Default: false. */
  readonly isUnsafe?: boolean;
  /** The time until the answer, without that of a wait; default 30 s. */
  readonly waitMs?: number;
}

export type Query = Readonly<Record<string, string | number | Date | readonly string[] | undefined>>;

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  /** Null without content. */
  readonly body: Body;
}

export interface TextOptions extends RequestOptions {
  readonly mediaType: string;
}

/** An answer that is read as it arrives. */
export interface TextAnswer {
  readonly headers: Headers;
  /** Breaking off is an error. Leaving the iteration closes the connection. */
  readonly text: AsyncGenerator<string, void>;
}

const defaultRetryForMs = 120_000;
const answerLimitMs = 30_000;
/** The versions of bodies. */
const etags = new WeakMap<object, string>();

export class Transport {
  readonly retryForMs: number;
  readonly #options: TransportOptions;
  readonly #base: string;

  /** @throws {UnsendableRequest} for an address or a key that no request can have */
  constructor(options: TransportOptions) {
    requireAddress(options.url);
    requireKey(options.apiKey ?? '');
    this.#options = options;
    this.retryForMs = options.retryForMs ?? defaultRetryForMs;
    this.#base = `${options.url.replace(/\/+$/, '')}/`;
  }

  /**
   * @param path  Relative to the address of the service, without a leading slash.
   * @throws {ProsemillError} for an answer that is no success, or none; the reason of the signal
   */
  async request<Body>(path: string, options: RequestOptions = {}): Promise<Answer<Body>> {
    return await this.repeat(options, async () => await this.#requestOnce<Body>(path, options));
  }

  /** Repeats a request as the hints of its answers say. @throws its last error; the reason of the signal */
  async repeat<Result>(options: RequestOptions, requestOnce: () => Promise<Result>): Promise<Result> {
    const { signal } = options;
    const startedAt = performance.now();
    for (let failures = 1; ; failures += 1) {
      try {
        return await requestOnce();
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ProsemillError) || !mayRepeat(error, options)) throw error;
        const pauseMs = pauseBeforeRetry(error.hint, failures);
        if (performance.now() + pauseMs - startedAt > this.repeatMs(error, options)) throw error;
        this.noteRetry(error, pauseMs);
        await delay(pauseMs, signal);
      }
    }
  }

  /** How long a request may be repeated. A text that comes after its own time is of no use. */
  repeatMs({ code }: ProsemillError, { body }: RequestOptions): number {
    return code === 'deadline_unmeetable' ? Math.min(this.retryForMs, shortestTimeMs(body)) : this.retryForMs;
  }

  noteRetry(error: ProsemillError, pauseMs: number): void {
    this.#options.onRetry?.(error, pauseMs);
  }

  /** One request, for an answer of any length. @throws {ProsemillError} for another answer than that, or none */
  async openText(path: string, { mediaType, ...options }: TextOptions): Promise<TextAnswer> {
    const request = { ...options, headers: { ...options.headers, Accept: mediaType } };
    return await this.#connect(path, request, async (response, connection) => {
      const { status, headers, body } = response;
      if (headers.get('Content-Type')?.startsWith(mediaType) !== true || body === null) throw malformedAnswer(status);
      return { headers, text: readText(body, connection) };
    });
  }

  /**
   * One request, whose answer has not been read.
   * @throws {ProsemillError} `no_answer`
   * @throws {UnsendableRequest} which is not repeated
   */
  async #open(path: string, options: RequestOptions): Promise<Response> {
    const { method = 'GET', body, headers, query, known, signal } = options;
    const etag = known == null ? undefined : etags.get(known);
    const { apiKey, fetch: send = fetch } = this.#options;
    const init = {
      method,
      headers: headersOf({
        Accept: 'application/json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
        ...(etag === undefined ? {} : { 'If-None-Match': etag }),
        ...headers,
      }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    };
    try {
      return await send(this.#base + path + queryOf(query), init);
    } catch (error) {
      if (isBadPort(error)) throw new UnsendableRequest('fetch refuses the port of the address.', { cause: error });
      throw noAnswer(error);
    }
  }

  async #requestOnce<Body>(path: string, options: RequestOptions): Promise<Answer<Body>> {
    return await this.#connect(path, options, async (response, connection) => {
      const { status, headers } = response;
      const body = (isUnchanged(response, options) ? options.known : await bodyOf(response, options)) as Body;
      const etag = headers.get('ETag');
      if (etag !== null && body !== null) etags.set(body as object, etag);
      connection.unlink();
      return { status, headers, body };
    });
  }

  /**
   * One request, with the limit of time until its answer is read.
   * @param read  Unlinks or ends the connection when the answer is read, which may be long after its own end.
   */
  async #connect<Result>(
    path: string,
    options: RequestOptions,
    read: (response: Response, connection: LinkedController) => Promise<Result>,
  ): Promise<Result> {
    const connection = new LinkedController(options.signal);
    const limitMs = answerLimitMs + (options.waitMs ?? 0);
    const timer = setTimeout(() => connection.abort(new Error(`it took more than ${limitMs / 1_000} s`)), limitMs);
    try {
      const response = await this.#open(path, { ...options, signal: connection.signal });
      if (!response.ok && !isUnchanged(response, options)) throw await errorOf(response);
      return await read(response, connection);
    } catch (error) {
      // An answer that was not read would keep its connection.
      connection.end();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Messages have no address, as it may have a password. */
function requireAddress(url: string): void {
  const address = URL.canParse(url) ? new URL(url) : null;
  if (address === null || !/^https?:$/.test(address.protocol) || address.username + address.password !== '') {
    throw new UnsendableRequest('The address must begin with http:// or https://, and have no user and no password.');
  }
}

/** The error of a header would show the key. */
function requireKey(key: string): void {
  if (/^[\u0021-\u007E]*$/.test(key.trim())) return;
  throw new UnsendableRequest('The API key has characters that no key has.');
}

/** `fetch` would report a wrong header like a lost connection. */
function headersOf(values: Readonly<Record<string, string>>): Headers {
  try {
    return new Headers(values);
  } catch (error) {
    throw new UnsendableRequest(`A header cannot be sent: ${(error as Error).message}`, { cause: error });
  }
}

/** Node names the reason; other errors of `fetch` do not. @see https://fetch.spec.whatwg.org/#port-blocking */
const isBadPort = (error: unknown): boolean =>
  error instanceof TypeError && error.cause instanceof Error && error.cause.message === 'bad port';

/** An id as a part of a path. @throws {ProsemillError} for one that URLs resolve, even encoded, or leave out */
export function pathSegment(id: string): string {
  if (/^\.{0,2}$/.test(id)) throw new ProsemillError('not_found', `There is nothing with the id "${id}".`);
  return encodeURIComponent(id);
}

const isUnchanged = ({ status }: Response, { known }: RequestOptions): boolean => status === 304 && known != null;

/** A body that broke off is no answer. @returns null for an answer without one */
async function bodyOf(response: Response, { method }: RequestOptions): Promise<object | null> {
  const { status, headers } = response;
  if (status === 204 && method === 'DELETE') return null;
  if (headers.get('Content-Type')?.startsWith('application/json') !== true) throw malformedAnswer(status);
  const body: unknown = await response.json().catch((error: unknown) => {
    throw noAnswer(error);
  });
  if (typeof body !== 'object' || body === null) throw malformedAnswer(status);
  return body;
}

/** A limit of rates refuses a request before it has any effect. */
const mayRepeat = ({ hint, code }: ProsemillError, { isUnsafe = false }: RequestOptions): boolean =>
  hint.shouldRetry && (!isUnsafe || code === 'rate_limited');

/** The shortest time that a request, or one of a batch, gives its job. */
function shortestTimeMs(body: unknown): number {
  const { requests = [body ?? {}] } = (body ?? {}) as { readonly requests?: readonly unknown[] };
  const times = (requests as readonly Partial<GenerationRequest>[]).flatMap((request) => [
    request.deadline_ms ?? Number.POSITIVE_INFINITY,
    request.start_timeout_ms ?? Number.POSITIVE_INFINITY,
  ]);
  return Math.min(...times);
}

function queryOf(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, given] of Object.entries(query)) {
    for (const value of given === undefined ? [] : Array.isArray(given) ? (given as readonly string[]) : [given]) {
      parameters.append(name, value instanceof Date ? value.toISOString() : String(value));
    }
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}
