/** Many requests, of which only so many are under way at once. */
import { ProsemillError } from './errors.ts';
import type { GenerationRequest, Job } from './types.ts';

export interface BatchOptions {
  /** The most jobs under way; default 64. */
  readonly concurrency?: number;
  /** The Idempotency-Key of a request. The same keys join the jobs of an earlier run. Default: random ones. */
  readonly keyOf?: (request: GenerationRequest, index: number) => string;
  readonly signal?: AbortSignal | undefined;
}

/** A request with the end of its job, or with the refusal of the service. */
export type BatchResult = { readonly index: number; readonly request: GenerationRequest } & (
  | { readonly job: Job; readonly error: null }
  | { readonly job: null; readonly error: ProsemillError }
);

export type PerformRequest = (request: GenerationRequest, index: number, signal: AbortSignal) => Promise<Job>;

const defaultConcurrency = 64;

/**
 * Yields results as they come, not in the order of the requests, which are read as there is room for them. Leaving the
 * iteration leaves the jobs under way to the service.
 * @throws {ProsemillError} when the service does not answer any more
 */
export async function* runBatch(
  requests: Iterable<GenerationRequest> | AsyncIterable<GenerationRequest>,
  perform: PerformRequest,
  { concurrency = defaultConcurrency, signal }: BatchOptions,
): AsyncGenerator<BatchResult, void> {
  const leaving = new AbortController();
  const stop = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  const results: BatchResult[] = [];
  let failure: { readonly error: unknown } | null = null;
  let running = 0;
  let wake = ignore;
  const source = iteratorOf(requests);

  async function performNext(request: GenerationRequest, index: number): Promise<void> {
    try {
      results.push({ index, request, job: await perform(request, index, stop), error: null });
    } catch (error) {
      if (isRefusal(error)) results.push({ index, request, job: null, error });
      else failure ??= { error };
    } finally {
      running -= 1;
      wake();
    }
  }

  try {
    let isOver = false;
    for (let index = 0; ;) {
      while (!isOver && running < concurrency && failure === null) {
        const next = await source.next();
        if (next.done === true) isOver = true;
        else {
          running += 1;
          void performNext(next.value, index);
          index += 1;
        }
        // Results go out while the requests are still being read.
        if (results.length > 0) break;
      }
      yield* results.splice(0);
      if (failure !== null) throw (failure as { error: unknown }).error;
      if (isOver && running === 0 && results.length === 0) return;
      if (results.length === 0 && (isOver || running >= concurrency)) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    leaving.abort();
    await source.return?.();
  }
}

const ignore = (): void => undefined;

/** The service answered, and would refuse the same request again. */
const isRefusal = (error: unknown): error is ProsemillError =>
  error instanceof ProsemillError &&
  !error.hint.shouldRetry &&
  error.code !== 'malformed_answer' &&
  error.status !== 401 &&
  error.status !== 403;

const iteratorOf = <Item>(items: Iterable<Item> | AsyncIterable<Item>): Iterator<Item> | AsyncIterator<Item> =>
  Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
