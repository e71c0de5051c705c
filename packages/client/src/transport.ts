/** Requests with the key of the client, time limits, and repetitions as the hints of the service say. */
import { delay } from './delay.ts';
import { errorOf, noAnswer, ProsemillError } from './errors.ts';
import { pauseBeforeRetry } from './retry-hint.ts';

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

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Query | undefined;
  readonly signal?: AbortSignal | undefined;
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

const defaultRetryForMs = 120_000;
const answerLimitMs = 30_000;

export class Transport {
  readonly retryForMs: number;
  readonly #options: TransportOptions;
  readonly #base: string;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.retryForMs = options.retryForMs ?? defaultRetryForMs;
    this.#base = `${options.url.replace(/\/+$/, '')}/`;
  }

  /**
   * @param path  Relative to the address of the service, without a leading slash.
   * @throws {ProsemillError} for an answer that is no success, or none; the reason of the signal
   */
  async request<Body>(path: string, options: RequestOptions = {}): Promise<Answer<Body>> {
    const { signal } = options;
    const giveUpAt = performance.now() + this.retryForMs;
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#requestOnce<Body>(path, options);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ProsemillError) || !mayRepeat(error, options)) throw error;
        const pauseMs = pauseBeforeRetry(error.hint, failures);
        if (performance.now() + pauseMs > giveUpAt) throw error;
        this.noteRetry(error, pauseMs);
        await delay(pauseMs, signal);
      }
    }
  }

  noteRetry(error: ProsemillError, pauseMs: number): void {
    this.#options.onRetry?.(error, pauseMs);
  }

  /** One request, whose answer has not been read. @throws {ProsemillError} `no_answer` */
  async open(path: string, options: RequestOptions): Promise<Response> {
    const { method = 'GET', body, headers, query, signal } = options;
    const { apiKey, fetch: send = fetch } = this.#options;
    try {
      return await send(this.#base + path + queryOf(query), {
        method,
        headers: {
          Accept: 'application/json',
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      throw noAnswer(error);
    }
  }

  async #requestOnce<Body>(path: string, options: RequestOptions): Promise<Answer<Body>> {
    const limit = AbortSignal.timeout(answerLimitMs + (options.waitMs ?? 0));
    const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
    const response = await this.open(path, { ...options, signal });
    if (!response.ok) throw await errorOf(response);
    const { status, headers } = response;
    return { status, headers, body: (status === 204 ? null : await bodyOf(response)) as Body };
  }
}

/** A body that broke off is no answer. */
async function bodyOf(response: Response): Promise<unknown> {
  const { status, headers } = response;
  if (headers.get('Content-Type')?.startsWith('application/json') !== true) {
    throw new ProsemillError('malformed_answer', 'The answer is not from the service.', { status });
  }
  try {
    return await response.json();
  } catch (error) {
    throw noAnswer(error);
  }
}

/** A limit of rates refuses a request before it has any effect. */
const mayRepeat = ({ hint, code }: ProsemillError, { isUnsafe = false }: RequestOptions): boolean =>
  hint.shouldRetry && (!isUnsafe || code === 'rate_limited');

function queryOf(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, given] of Object.entries(query)) {
    for (const value of given === undefined ? [] : Array.isArray(given) ? (given as readonly string[]) : [given]) {
      parameters.append(name, value instanceof Date ? value.toISOString() : String(value));
    }
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}
