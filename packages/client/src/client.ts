/** The client: the verbs of the service, typed by its contract. */
import { delay } from './delay.ts';
import { endingError, malformedAnswer, noAnswer } from './errors.ts';
import type { ExportFilters, HistoryFilters, JobFilters, LiveFilters, TextFilters } from './filters.ts';
import { generationOf } from './generation-of.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { type List, listOf } from './list.ts';
import { type LiveEvent, readEvents } from './read-events.ts';
import { type BatchOptions, type BatchResult, runBatch } from './run-batch.ts';
import { pauseOf } from './retry-hint.ts';
import { splitLines } from './split-lines.ts';
import { type StreamEvent, streamText } from './stream-text.ts';
import {
  type Answer,
  type CallOptions,
  pathSegment,
  type Query,
  type RequestOptions,
  Transport,
  type TransportOptions,
} from './transport.ts';
import type {
  ApiKey,
  ApiKeyRequest,
  Batch,
  BatchItem,
  Delivery,
  DeliverySummary,
  DryRun,
  ExportedText,
  ExportLink,
  Generation,
  GenerationRecord,
  GenerationRequest,
  Health,
  Job,
  JobEventLog,
  Machine,
  Me,
  NewApiKey,
  Queue,
  RetryRequest,
  ServiceIndex,
  Verification,
} from './types.ts';

export type ClientOptions = TransportOptions;

export type { CallOptions };

export interface SubmitOptions extends CallOptions {
  /** The same key with the same request is the same job, for 24 hours. Default: a random one. */
  readonly idempotencyKey?: string | undefined;
}

/** Seconds of one wait; a proxy may end a longer one. */
const waitSeconds = 30;
const waitMs = waitSeconds * 1_000;
/** The shortest pause after an early answer. */
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
    return (await this.request<DryRun>('jobs', options)).body;
  }

  /** @returns the job when it has ended, in whatever way */
  async wait(id: string, options: CallOptions = {}): Promise<Job> {
    return await this.#waitFor<Job>(jobPath(id), options);
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

  /**
   * One connection for many jobs and topics, for a page with few connections.
   * @returns the events of `GET /live`, once it is open; the caller connects again
   */
  async live(filters: LiveFilters, { signal }: CallOptions = {}): Promise<AsyncGenerator<LiveEvent, void>> {
    const options = { query: filters as Query, mediaType: 'text/event-stream', signal };
    return readEvents((await this.#transport.openText('live', options)).text);
  }

  /** @returns the job: canceled, ended before, or still running with `cancel_requested_at` */
  async cancel(id: string, options: CallOptions = {}): Promise<Job> {
    return await this.#post<Job>(`${jobPath(id)}/cancel`, options);
  }

  /** Removes the texts of a job that has ended for good. */
  async delete(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.request(jobPath(id), { method: 'DELETE', signal });
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
    return (await this.request<Job>(jobPath(id), options)).body;
  }

  /** The transitions of a job, oldest first. */
  async events(id: string, options: CallOptions = {}): Promise<JobEventLog['data']> {
    return (await this.request<JobEventLog>(`${jobPath(id)}/events`, options)).body.data;
  }

  /** Jobs, newest first. */
  jobs(filters: JobFilters = {}, options: CallOptions = {}): List<Job> {
    return listOf<Job>(this.#transport, 'jobs', { filters, ...options });
  }

  /** Jobs with these words in prompt or text, newest first. */
  search(words: string, filters: Omit<JobFilters, 'q'> = {}, options: CallOptions = {}): List<Job> {
    return this.jobs({ ...filters, q: words }, options);
  }

  /** Finished texts, newest first. */
  async *history(filters: HistoryFilters = {}, { signal }: CallOptions = {}): AsyncGenerator<GenerationRecord, void> {
    for (let cursor: string | undefined; ;) {
      const query = { ...filters, cursor };
      const { status, headers, body } = await this.request<readonly GenerationRecord[]>('history', { query, signal });
      if (!Array.isArray(body)) throw malformedAnswer(status);
      yield* body;
      cursor = nextCursor(headers.get('Link'));
      if (cursor === undefined) return;
    }
  }

  async record(id: number, options: CallOptions = {}): Promise<GenerationRecord> {
    return (await this.request<GenerationRecord>(`history/${id}`, options)).body;
  }

  /**
   * All finished texts, newest first, in one answer that is read as it arrives. The times of the filters are those of
   * the ends of the jobs.
   * @throws {ProsemillError} `no_answer` when the answer breaks off
   */
  async *export(filters: TextFilters = {}, { signal }: CallOptions = {}): AsyncGenerator<ExportedText, void> {
    const options = { query: filters as Query, mediaType: 'application/jsonl', signal };
    const open = async () => await this.#transport.openText('history/export', options);
    const { text } = await this.#transport.repeat(options, open);
    try {
      for await (const line of splitLines(text)) yield exportedText(line);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }

  /** Makes a path that gives an export once, within a minute and without a key: a browser's download carries none. */
  async exportLink(filters: ExportFilters, { signal }: CallOptions = {}): Promise<ExportLink> {
    const options = { method: 'POST', query: filters as Query, signal } as const;
    return (await this.request<ExportLink>('history/export', options)).body;
  }

  /** Stores a job for each of up to 100 requests, or none. */
  async submitBatch(requests: readonly BatchItem[], options: SubmitOptions = {}): Promise<Batch> {
    return (await this.#submit<Batch>('batches', { requests }, options)).body;
  }

  /** @param options  `known`: the batch of before, which itself is the answer if nothing has changed (ETag, 304). */
  async getBatch(
    id: string,
    options: CallOptions & { readonly known?: Batch | null | undefined } = {},
  ): Promise<Batch> {
    return (await this.request<Batch>(batchPath(id), options)).body;
  }

  /** @returns the batch when all of its jobs have ended; `jobs({ batch_id })` has the texts */
  async waitForBatch(id: string, options: CallOptions = {}): Promise<Batch> {
    return await this.#waitFor<Batch>(batchPath(id), options);
  }

  /** @returns the batch: its queued jobs are canceled, its running ones will be */
  async cancelBatch(id: string, options: CallOptions = {}): Promise<Batch> {
    return await this.#post<Batch>(`${batchPath(id)}/cancel`, options);
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
    return (await this.request<ServiceIndex>('', options)).body;
  }

  async health(options: CallOptions = {}): Promise<Health> {
    return (await this.request<Health>('health', options)).body;
  }

  /** @param options  `history`: how many seconds of the past it tells, up to 900; default: none. */
  async machine({ history, signal }: CallOptions & { readonly history?: number | undefined } = {}): Promise<Machine> {
    return (await this.request<Machine>('machine', { query: { history }, signal })).body;
  }

  async me(options: CallOptions = {}): Promise<Me> {
    return (await this.request<Me>('me', options)).body;
  }

  /** The secret is in this answer only. A lost answer is not repeated: it would make a second key. */
  async createKey(request: ApiKeyRequest, { signal }: CallOptions = {}): Promise<NewApiKey> {
    const options = { method: 'POST', body: request, signal, isUnsafe: true } as const;
    return (await this.request<NewApiKey>('admin/keys', options)).body;
  }

  /** The keys of all owners, newest first. */
  keys(filters: { readonly limit?: number } = {}, options: CallOptions = {}): List<ApiKey> {
    return listOf<ApiKey>(this.#transport, 'admin/keys', { filters, ...options });
  }

  async revokeKey(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.request(`admin/keys/${pathSegment(id)}`, { method: 'DELETE', signal });
  }

  /** The webhooks of a job, with the log of their attempts. */
  async deliveries(id: string, options: CallOptions = {}): Promise<readonly Delivery[]> {
    return (await this.request<{ readonly data: readonly Delivery[] }>(`${jobPath(id)}/deliveries`, options)).body.data;
  }

  /** Sends a webhook again, with the same id. */
  async redeliver(
    { job_id: jobId, id }: Pick<Delivery, 'job_id' | 'id'>,
    options: CallOptions = {},
  ): Promise<Delivery> {
    return await this.#post<Delivery>(`${jobPath(jobId)}/deliveries/${pathSegment(id)}/redeliver`, options);
  }

  /** The webhooks of all owners, newest first. */
  allDeliveries(
    filters: { readonly state?: Delivery['state']; readonly limit?: number } = {},
    options: CallOptions = {},
  ): List<DeliverySummary> {
    return listOf<DeliverySummary>(this.#transport, 'admin/deliveries', { filters, ...options });
  }

  async queue(options: CallOptions = {}): Promise<Queue> {
    return (await this.request<Queue>('admin/queue', options)).body;
  }

  /** No worker begins a job until the queue is resumed. */
  async pauseQueue(options: CallOptions = {}): Promise<Queue> {
    return await this.#post<Queue>('admin/queue/pause', options);
  }

  async resumeQueue(options: CallOptions = {}): Promise<Queue> {
    return await this.#post<Queue>('admin/queue/resume', options);
  }

  /**
   * A request that has no verb here, or that needs headers of its own.
   * @param path  Relative to the address of the service, without a leading slash.
   */
  async request<Body>(path: string, options: RequestOptions = {}): Promise<Answer<Body>> {
    return await this.#transport.request<Body>(path, options);
  }

  async #post<Body>(path: string, { signal }: CallOptions): Promise<Body> {
    return (await this.request<Body>(path, { method: 'POST', signal })).body;
  }

  async #waitFor<Body extends Pick<Job, 'id' | 'finished_at'>>(path: string, { signal }: CallOptions): Promise<Body> {
    for (;;) {
      const askedAt = performance.now();
      const answer = await this.request<Body>(path, { query: { wait: waitSeconds }, signal, waitMs });
      if (typeof answer.body.id !== 'string') throw malformedAnswer(answer.status);
      if (answer.body.finished_at !== null) return answer.body;
      // An answer that comes early ends the wait of a process that stops, or comes from a proxy.
      const isEarly = performance.now() - askedAt < waitMs / 2;
      if (!isEarly) continue;
      // A proxy may name no time at all, or hours, in which the job has long ended.
      const pauseMs = Math.max(earlyPauseMs, pauseOf(answer.headers) ?? 0);
      await delay(Math.min(pauseMs, waitMs), signal);
    }
  }

  async #submit<Body extends { readonly id?: unknown; readonly job_id?: unknown }>(
    path: string,
    body: unknown,
    {
      signal,
      idempotencyKey = newIdempotencyKey(),
      headers,
      waitMs: ms = 0,
    }: SubmitOptions & Pick<RequestOptions, 'headers' | 'waitMs'>,
  ): Promise<Answer<Body>> {
    const answer = await this.request<Body>(path, {
      method: 'POST',
      ...(body === undefined ? {} : { body }),
      headers: { ...headers, 'Idempotency-Key': idempotencyKey },
      signal,
      waitMs: ms,
    });
    const { id, job_id: jobId = id } = answer.body;
    if (typeof jobId !== 'string') throw malformedAnswer(answer.status);
    return answer;
  }
}

/** @param options  `url` is the address of the service, such as `http://127.0.0.1:8000`. */
export const createClient = (options: ClientOptions): ProsemillClient => new ProsemillClient(options);

const jobPath = (id: string): string => `jobs/${pathSegment(id)}`;
const batchPath = (id: string): string => `batches/${pathSegment(id)}`;

/** @throws {ProsemillError} for a line that was cut */
function exportedText(line: string): ExportedText {
  try {
    return JSON.parse(line) as ExportedText;
  } catch (error) {
    throw noAnswer(error);
  }
}

/** The cursor in `<…?cursor=…>; rel="next"`. */
function nextCursor(link: string | null): string | undefined {
  const [, target] = /<([^>]*)>;\s*rel="next"/.exec(link ?? '') ?? [];
  if (target === undefined) return undefined;
  return new URL(target, 'http://service').searchParams.get('cursor') ?? undefined;
}
