/** A well-behaved client: it knows several addresses, and records every answer. */
import { createClient, ProsemillError, type RequestOptions } from '@prosemill/client';
import type { BatchBody, JobBody } from '@prosemill/contract';
import { errorLine } from '@prosemill/core';
import { type ReadEnding, StreamClient, streamOf } from '@prosemill/testkit';
import { hashText } from '../proof/history/hash-text.ts';
import type { BatchReading, CallEnding, JobReading, Operation } from '../proof/history/history.ts';
import type { HistoryRecorder } from '../proof/history/record-history.ts';
import { streamJob, type Streamed, type StreamOptions } from './stream-job.ts';

/** The owner of the requests. */
export interface LoadOwner {
  readonly ownerId: string;
  /** The secret of an API key; null without keys. */
  readonly secret: string | null;
}

export interface LoadClientOptions {
  readonly name: string;
  /** Default: the owner of a service without keys. */
  readonly owner?: LoadOwner;
  /** Returns the URLs of the APIs that are meant to be up. Called before every request. */
  readonly urls: () => readonly string[];
  readonly recorder: HistoryRecorder;
}

export interface SubmitOptions {
  /** Default `/jobs`. */
  readonly path?: '/jobs' | '/generate';
  readonly key?: string;
  /** `Prefer: wait` in seconds; default: the default of the route. 0: no wait. */
  readonly waitSeconds?: number;
  readonly request?: Readonly<Record<string, unknown>>;
  /** Ends the connection. */
  readonly signal?: AbortSignal;
}

export interface Heard {
  /** Null: no answer. */
  readonly status: number | null;
  /** Empty without a success. */
  readonly headers: Headers;
  /** The id of the job or the batch; null: there is none, or it is unknown. */
  readonly id: string | null;
  readonly body: Readonly<Record<string, unknown>>;
  /** The pause that a refusal asks for; null: none. */
  readonly retryAfterMs: number | null;
  /** The reason for the missing answer. */
  readonly failure: string | null;
  readonly tookMs: number;
}

/** The owner of a service without keys. */
const onlyOwner: LoadOwner = { ownerId: 'local', secret: null };
/** The wait of a route without a preference. */
const defaultWaitSeconds = 30;
export const shortText = { prompt: 'Once upon a time', max_new_tokens: 8 };
/** Takes some tenths of a second on a free core. */
export const longText = { prompt: 'Once upon a time', max_new_tokens: 480, top_k: 0, temperature: 1.3 };

const noAnswer = {
  status: null,
  headers: new Headers(),
  id: null,
  body: {},
  retryAfterMs: null,
  failure: null,
} as const;

type Answer = Pick<Heard, 'headers' | 'body' | 'retryAfterMs'> & { readonly status: number };

/** Codes of refusals that change nothing. After any other 5xx the effect is unknown. */
const refusals: ReadonlySet<unknown> = new Set(['queue_full', 'shutting_down']);

export class LoadClient {
  readonly #options: LoadClientOptions;
  readonly #owner: LoadOwner;
  #turn = 0;

  constructor(options: LoadClientOptions) {
    this.#options = options;
    this.#owner = options.owner ?? onlyOwner;
  }

  async submit({ path = '/jobs', key, waitSeconds, request = shortText, signal }: SubmitOptions = {}): Promise<Heard> {
    const wait = path === '/jobs' ? 0 : (waitSeconds ?? defaultWaitSeconds);
    const headers = {
      ...keyHeader(key),
      ...(waitSeconds === undefined ? {} : { Prefer: waitSeconds === 0 ? 'respond-async' : `wait=${waitSeconds}` }),
    };
    const { ownerId } = this.#owner;
    const operation = { kind: 'submit', ownerId, key: key ?? null, waitMs: wait * 1_000 } as const;
    const options = { method: 'POST', headers, body: request, waitMs: operation.waitMs, signal } as const;
    return await this.#call(operation, path.slice(1), options);
  }

  /** @param waitSeconds  The longest wait for the end of the job. */
  async read(jobId: string, waitSeconds?: number): Promise<Heard> {
    const operation = { kind: 'read', ownerId: this.#owner.ownerId, jobId } as const;
    return await this.#call(operation, `jobs/${jobId}`, waiting(waitSeconds));
  }

  async cancel(jobId: string): Promise<Heard> {
    const operation = { kind: 'cancel', ownerId: this.#owner.ownerId, jobId } as const;
    return await this.#call(operation, `jobs/${jobId}/cancel`, { method: 'POST' });
  }

  /** Submits a batch whose lines are named `1/3`, `2/3`, `3/3`. */
  async submitBatch({ key, lines }: { readonly key?: string | undefined; readonly lines: number }): Promise<Heard> {
    const requests = Array.from({ length: lines }, (_, index) => ({
      ...shortText,
      custom_id: `${index + 1}/${lines}`,
    }));
    const operation = { kind: 'submit-batch', ownerId: this.#owner.ownerId, key: key ?? null } as const;
    return await this.#call(operation, 'batches', { method: 'POST', headers: keyHeader(key), body: { requests } });
  }

  /** @param waitSeconds  The longest wait for the end of the last job. */
  async readBatch(batchId: string, waitSeconds: number): Promise<Heard> {
    const operation = { kind: 'read-batch', ownerId: this.#owner.ownerId, batchId } as const;
    return await this.#call(operation, `batches/${batchId}`, waiting(waitSeconds));
  }

  async cancelBatch(batchId: string): Promise<Heard> {
    const operation = { kind: 'cancel-batch', ownerId: this.#owner.ownerId, batchId } as const;
    return await this.#call(operation, `batches/${batchId}/cancel`, { method: 'POST' });
  }

  /** Submits with a stream, and follows it to the end of the job over lost connections. */
  async stream(options: Partial<StreamOptions> = {}): Promise<Streamed> {
    const { name, recorder } = this.#options;
    const { ownerId } = this.#owner;
    const nextUrl = () => this.#nextUrl();
    const caller = { name, ownerId, headers: authorization(this.#owner), recorder, nextUrl };
    return await streamJob(caller, { request: shortText, ...options });
  }

  /** Reads the stream of a job from its beginning, without a record. */
  async readStream(jobId: string): Promise<{ readonly client: StreamClient; readonly ending: ReadEnding }> {
    const client = new StreamClient();
    const open = streamOf({ url: this.#nextUrl(), jobId, headers: authorization(this.#owner) });
    return { client, ending: await client.read(open) };
  }

  async #call(operation: Operation, path: string, options: RequestOptions): Promise<Heard> {
    const begin = performance.now();
    let heard: Omit<Heard, 'tookMs'> = noAnswer;
    await this.#options.recorder.perform({ client: this.#options.name, operation }, async () => {
      const answer = await this.#request(path, options).catch((error: unknown) => {
        heard = { ...heard, failure: errorLine(error) };
        throw error;
      });
      const [job, batch] = [readingOf(answer), batchOf(answer.body)];
      heard = { ...answer, id: job?.id ?? batch?.id ?? null, failure: null };
      if (batch !== null) return { type: 'ok-batch', batch };
      if (answer.status === 404 && 'batchId' in operation) return { type: 'ok-batch', batch: null };
      return endingOf(answer, job);
    });
    return { ...heard, tookMs: performance.now() - begin };
  }

  /** Sends the request to the next address after a refused connection, which had no effect. */
  async #request(path: string, options: RequestOptions): Promise<Answer> {
    for (let tries = 0; ; tries += 1) {
      const client = createClient({ url: this.#nextUrl(), apiKey: this.#owner.secret ?? undefined, retryForMs: 0 });
      try {
        return { ...(await client.request<Answer['body']>(path, options)), retryAfterMs: null };
      } catch (error) {
        if (!(error instanceof ProsemillError)) throw error;
        const { status, problem, hint, cause } = error;
        if (status !== null)
          return { status, headers: new Headers(), body: { ...problem }, retryAfterMs: hint.afterMs };
        if (!isRefused(cause) || tries >= maxTries) throw error;
      }
    }
  }

  #nextUrl(): string {
    const all = this.#options.urls();
    this.#turn += 1;
    const url = all[this.#turn % all.length];
    if (url === undefined) throw new Error('no API is up');
    return url;
  }
}

const maxTries = 20;

const keyHeader = (key: string | undefined): Readonly<Record<string, string>> =>
  key === undefined ? {} : { 'Idempotency-Key': key };

const waiting = (seconds = 0): RequestOptions =>
  seconds === 0 ? {} : { query: { wait: seconds }, waitMs: seconds * 1_000 };

const authorization = ({ secret }: LoadOwner) => (secret === null ? {} : { Authorization: `Bearer ${secret}` });

export const isRefused = (error: unknown): boolean =>
  error instanceof Error && (error.cause as { code?: unknown } | undefined)?.code === 'ECONNREFUSED';

function endingOf({ status, body }: Answer, job: JobReading | null): CallEnding {
  const code = typeof body['code'] === 'string' ? body['code'] : 'unknown';
  // The answer shows a job, even one that failed.
  if (job !== null) return { type: 'ok', job };
  if (status === 404) return { type: 'ok', job: null };
  const reason = `${status} ${code}`;
  return status < 500 || refusals.has(code) ? { type: 'fail', reason } : { type: 'unknown', reason };
}

/** @returns null for an answer without a job */
function readingOf({ status, headers, body }: Answer): JobReading | null {
  if (body['object'] === 'job') {
    const job = body as unknown as JobBody;
    const text = job.status === 'succeeded' ? job.output?.generated_text : undefined;
    return {
      id: job.id,
      ownerId: null,
      status: job.status,
      version: versionOf(headers.get('ETag')),
      attempt: job.attempt,
      textHash: text === undefined ? null : hashText(text),
    };
  }
  const { job_id: id, generated_text: text } = body;
  if (typeof id !== 'string') return null;
  const reading = { id, ownerId: null, version: null, attempt: null, textHash: null };
  if (status === 200) return { ...reading, status: 'succeeded', textHash: hashText(String(text)) };
  return { ...reading, status: body['code'] === 'job_canceled' ? 'canceled' : 'failed' };
}

/** @returns null for an answer without a batch */
function batchOf(body: Readonly<Record<string, unknown>>): BatchReading | null {
  if (body['object'] !== 'batch') return null;
  const { id, status, jobs } = body as unknown as BatchBody;
  return { id, hasEnded: status === 'ended', jobIds: jobs.map((job) => job.id) };
}

/** The version in an ETag such as `W/"7"`. */
function versionOf(etag: string | null): number | null {
  const [, version] = /^W\/"(\d+)"$/.exec(etag ?? '') ?? [];
  return version === undefined ? null : Number(version);
}
