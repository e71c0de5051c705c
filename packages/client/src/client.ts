/** The client: the verbs of the service, typed by its contract. */
import { delay } from './delay.ts';
import { endingError, ProsemillError } from './errors.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { type BatchOptions, type BatchResult, runBatch } from './run-batch.ts';
import { pauseOf } from './retry-hint.ts';
import { type StreamEvent, streamText } from './stream-text.ts';
import { type Answer, type Query, type RequestOptions, Transport, type TransportOptions } from './transport.ts';
import type {
  ApiKey,
  ApiKeyRequest,
  DryRun,
  Generation,
  GenerationRecord,
  GenerationRequest,
  Health,
  Job,
  JobEventLog,
  Machine,
  Me,
  NewApiKey,
  RetryRequest,
  ServiceIndex,
  Verification,
} from './types.ts';

export type ClientOptions = TransportOptions;

export interface CallOptions {
  /** Ends the call, which then throws the reason of the signal. The job goes on. */
  readonly signal?: AbortSignal | undefined;
}

export interface SubmitOptions extends CallOptions {
  /** The same key with the same request is the same job, for 24 hours. Default: a random one. */
  readonly idempotencyKey?: string | undefined;
}

export interface JobFilters {
  /** Words of the prompt or the text, all of them; "words in quotes" one after another. */
  readonly q?: string | undefined;
  /** `customer:4711`: jobs that have all of these pairs. */
  readonly metadata?: readonly string[] | undefined;
  readonly status?: Job['status'] | readonly Job['status'][] | undefined;
  /** The repetitions of this job. */
  readonly retry_of?: string | undefined;
  /** The jobs of this batch. */
  readonly batch_id?: string | undefined;
  /** Inclusive. */
  readonly created_after?: string | Date | undefined;
  /** Exclusive. */
  readonly created_before?: string | Date | undefined;
  /** Items of one request; the iteration asks for as many pages as it needs. */
  readonly limit?: number | undefined;
}

export interface HistoryFilters {
  /** Items of one request; the iteration asks for as many pages as it needs. */
  readonly limit?: number | undefined;
}

/** A page of a list. */
interface PageOf<Item> {
  readonly data: readonly Item[];
  readonly next_cursor: string | null;
}

/** Seconds of one wait; a proxy may end a longer one. */
const waitSeconds = 30;
const waitMs = waitSeconds * 1_000;
/** After an early answer without a hint. */
const earlyPauseMs = 1_000;

export class ProsemillClient {
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
  }

  /**
   * Generates a text and waits for it, however long it takes.
   * @throws {ProsemillError} when the request is refused, or its job ends without the whole text
   */
  async generate(request: GenerationRequest, options: SubmitOptions = {}): Promise<Generation> {
    const { status, body } = await this.#submit<Generation | Job>('generate', request, {
      ...options,
      headers: { Prefer: `wait=${waitSeconds}` },
      waitMs,
    });
    if (status !== 202) return body as Generation;
    return generationOf(await this.wait((body as Job).id, options));
  }

  /** Stores a job, and does not wait for it. */
  async submit(request: GenerationRequest, options: SubmitOptions = {}): Promise<Job> {
    return (await this.#submit<Job>('jobs', request, options)).body;
  }

  /** Checks a request like a submit, and stores nothing. @throws {ProsemillError} the refusal of the submit */
  async check(request: GenerationRequest, { signal }: CallOptions = {}): Promise<DryRun> {
    const options = { method: 'POST', body: request, query: { dry_run: 'true' }, signal } as const;
    return (await this.#transport.request<DryRun>('jobs', options)).body;
  }

  /** @returns the job when it has ended, in whatever way */
  async wait(id: string, { signal }: CallOptions = {}): Promise<Job> {
    for (;;) {
      const askedAt = performance.now();
      const answer = await this.#get<Job>(jobPath(id), { query: { wait: waitSeconds }, signal, waitMs });
      if (answer.body.finished_at !== null) return answer.body;
      // An answer that comes early ends the wait of a process that stops, or comes from a proxy.
      const isEarly = performance.now() - askedAt < waitMs / 2;
      if (isEarly) await delay(pauseOf(answer.headers) ?? earlyPauseMs, signal);
    }
  }

  /**
   * Streams a text as it is written.
   * @param source  A request, whose job waits like that of `generate`; or the id of a job.
   */
  stream(
    source: GenerationRequest | string,
    { signal, idempotencyKey = newIdempotencyKey() }: SubmitOptions = {},
  ): AsyncGenerator<StreamEvent, void> {
    if (typeof source === 'string') return streamText(this.#transport, source, signal);
    const headers = { 'Idempotency-Key': idempotencyKey };
    return streamText(this.#transport, { path: 'generate', method: 'POST', body: source, headers }, signal);
  }

  /** @returns the job: canceled, ended before, or still running with `cancel_requested_at` */
  async cancel(id: string, { signal }: CallOptions = {}): Promise<Job> {
    return (await this.#transport.request<Job>(`${jobPath(id)}/cancel`, { method: 'POST', signal })).body;
  }

  /** Makes a new job of the request of one that has ended. */
  async retry(id: string, changes: RetryRequest = {}, options: SubmitOptions = {}): Promise<Job> {
    return (await this.#submit<Job>(`${jobPath(id)}/retry`, changes, options)).body;
  }

  /** Computes the text of a job again, and says whether it is the same. Waits however long it takes. */
  async verify(id: string, options: SubmitOptions = {}): Promise<Verification> {
    const { body } = await this.#submit<Verification | Job>(`${jobPath(id)}/verify`, undefined, {
      ...options,
      headers: { Prefer: `wait=${waitSeconds}` },
      waitMs,
    });
    if ('match' in body) return body;
    const [again, first] = await Promise.all([this.wait(body.id, options), this.job(id, options)]);
    if (again.status !== 'succeeded' || again.output === null) throw endingError(again);
    const { sha256 } = again.output;
    return {
      match: sha256 === first.output?.sha256,
      output_sha256: sha256,
      job_id: again.id,
      timings: again.timings,
    };
  }

  async job(id: string, options: CallOptions = {}): Promise<Job> {
    return (await this.#get<Job>(jobPath(id), options)).body;
  }

  /** The transitions of a job, oldest first. */
  async events(id: string, options: CallOptions = {}): Promise<JobEventLog['data']> {
    return (await this.#get<JobEventLog>(`${jobPath(id)}/events`, options)).body.data;
  }

  /** Jobs, newest first. */
  jobs(filters: JobFilters = {}, options: CallOptions = {}): AsyncGenerator<Job, void> {
    return this.#list<Job>('jobs', filters as Query, options);
  }

  /** Finished texts, newest first. */
  async *history(filters: HistoryFilters = {}, { signal }: CallOptions = {}): AsyncGenerator<GenerationRecord, void> {
    for (let cursor: string | undefined; ;) {
      const query = { ...filters, cursor };
      const { headers, body } = await this.#get<readonly GenerationRecord[]>('history', { query, signal });
      yield* body;
      cursor = nextCursor(headers.get('Link'));
      if (cursor === undefined) return;
    }
  }

  async record(id: number, options: CallOptions = {}): Promise<GenerationRecord> {
    return (await this.#get<GenerationRecord>(`history/${id}`, options)).body;
  }

  /**
   * Performs many requests, with a bounded number of jobs under way, and yields their ends as they come. A refused
   * request is a result too.
   */
  batch(
    requests: Iterable<GenerationRequest> | AsyncIterable<GenerationRequest>,
    options: BatchOptions = {},
  ): AsyncGenerator<BatchResult, void> {
    const perform = async (request: GenerationRequest, index: number, signal: AbortSignal): Promise<Job> => {
      const idempotencyKey = options.keyOf?.(request, index);
      const { id } = await this.submit(request, { signal, idempotencyKey });
      return await this.wait(id, { signal });
    };
    return runBatch(requests, perform, options);
  }

  /** The version, model, limits and defaults of the service. */
  async service(options: CallOptions = {}): Promise<ServiceIndex> {
    return (await this.#get<ServiceIndex>('', options)).body;
  }

  async health(options: CallOptions = {}): Promise<Health> {
    return (await this.#get<Health>('health', options)).body;
  }

  async machine(options: CallOptions = {}): Promise<Machine> {
    return (await this.#get<Machine>('machine', options)).body;
  }

  async me(options: CallOptions = {}): Promise<Me> {
    return (await this.#get<Me>('me', options)).body;
  }

  /** The secret is in this answer only. A lost answer is not repeated: it would make a second key. */
  async createKey(request: ApiKeyRequest, { signal }: CallOptions = {}): Promise<NewApiKey> {
    const options = { method: 'POST', body: request, signal, isUnsafe: true } as const;
    return (await this.#transport.request<NewApiKey>('admin/keys', options)).body;
  }

  /** The keys of all owners, newest first. */
  keys(filters: { readonly limit?: number } = {}, options: CallOptions = {}): AsyncGenerator<ApiKey, void> {
    return this.#list<ApiKey>('admin/keys', filters, options);
  }

  async revokeKey(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#transport.request(`admin/keys/${encodeURIComponent(id)}`, { method: 'DELETE', signal });
  }

  async #get<Body>(path: string, options: RequestOptions): Promise<Answer<Body>> {
    return await this.#transport.request<Body>(path, options);
  }

  async #submit<Body>(
    path: string,
    body: unknown,
    {
      signal,
      idempotencyKey = newIdempotencyKey(),
      headers,
      waitMs: ms = 0,
    }: SubmitOptions & Pick<RequestOptions, 'headers' | 'waitMs'>,
  ): Promise<Answer<Body>> {
    return await this.#transport.request<Body>(path, {
      method: 'POST',
      ...(body === undefined ? {} : { body }),
      headers: { ...headers, 'Idempotency-Key': idempotencyKey },
      signal,
      waitMs: ms,
    });
  }

  async *#list<Item>(path: string, filters: Query, { signal }: CallOptions): AsyncGenerator<Item, void> {
    for (let cursor: string | undefined; ;) {
      const { body } = await this.#get<PageOf<Item>>(path, { query: { ...filters, cursor }, signal });
      yield* body.data;
      if (body.next_cursor === null) return;
      cursor = body.next_cursor;
    }
  }
}

/** @param options  `url` is the address of the service, such as `http://127.0.0.1:8000`. */
export const createClient = (options: ClientOptions): ProsemillClient => new ProsemillClient(options);

const jobPath = (id: string): string => `jobs/${encodeURIComponent(id)}`;

/** The answer of `POST /generate`, made of the job. @throws {ProsemillError} for a job without its whole text */
function generationOf(job: Job): Generation {
  const { output, model, usage, finished_at: finishedAt } = job;
  if (job.status !== 'succeeded' || output === null || model === null || usage === null || finishedAt === null) {
    throw endingError(job);
  }
  if (output.generation_id === null) throw new ProsemillError('not_found', 'The text was deleted.', { jobId: job.id });
  return {
    id: output.generation_id,
    prompt: job.prompt,
    generated_text: output.generated_text,
    model_name: model.name,
    created_at: finishedAt,
    job_id: job.id,
    seed: job.seed,
    finish_reason: output.finish_reason,
    usage,
    timings: job.timings,
    expires_at: job.expires_at,
  };
}

/** The cursor in `<…?cursor=…>; rel="next"`. */
function nextCursor(link: string | null): string | undefined {
  const [, target] = /<([^>]*)>;\s*rel="next"/.exec(link ?? '') ?? [];
  if (target === undefined) return undefined;
  return new URL(target, 'http://service').searchParams.get('cursor') ?? undefined;
}
