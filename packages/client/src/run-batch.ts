/** Many requests, of which only so many are under way at once. */
import { isRefusal, ProsemillError } from './errors.ts';
import { LinkedController } from './linked-controller.ts';
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
 * Yields results as they come, not in the order of the requests, which are read one ahead. While the reader of the
 * results is busy, others begin, until as many results wait as there may be jobs under way. Leaving the iteration
 * leaves the jobs under way to the service.
 * @throws {ProsemillError} when the service does not answer any more
 * @throws {RangeError} for a concurrency below 1
 */
export async function* runBatch(
  requests: Iterable<GenerationRequest> | AsyncIterable<GenerationRequest>,
  perform: PerformRequest,
  { concurrency = defaultConcurrency, signal }: BatchOptions,
): AsyncGenerator<BatchResult, void> {
  if (!(concurrency >= 1)) throw new RangeError(`The concurrency must be 1 or more, and not ${concurrency}.`);
  const leaving = new LinkedController(signal);
  const results: BatchResult[] = [];
  const changes = new Changes();
  let failure: { readonly error: unknown } | null = null;
  let running = 0;
  let isOver = false;
  let hasLeft = false;

  async function performOne(request: GenerationRequest, index: number): Promise<void> {
    try {
      results.push({ index, request, job: await perform(request, index, leaving.signal), error: null });
    } catch (error) {
      if (isResult(error)) results.push({ index, request, job: null, error });
      else failure ??= { error };
    } finally {
      running -= 1;
      changes.note();
    }
  }

  const mustEnd = (): boolean => failure !== null || hasLeft;

  async function performAll(): Promise<void> {
    try {
      let index = 0;
      for await (const request of requests) {
        await changes.until(() => mustEnd() || (running < concurrency && results.length < concurrency));
        if (mustEnd()) return;
        running += 1;
        void performOne(request, index);
        index += 1;
      }
    } catch (error) {
      failure ??= { error };
    } finally {
      isOver = true;
      changes.note();
    }
  }

  try {
    void performAll();
    for (;;) {
      await changes.until(() => results.length > 0 || failure !== null || (isOver && running === 0));
      for (let result = results.shift(); result !== undefined; result = results.shift()) {
        changes.note();
        yield result;
      }
      if (failure !== null) throw (failure as { error: unknown }).error;
      if (isOver && running === 0 && results.length === 0) return;
    }
  } finally {
    hasLeft = true;
    leaving.end();
    changes.note();
  }
}

/** Lets functions wait for a condition on the variables that they share. */
class Changes {
  readonly #waiting = new Set<() => void>();

  /** A variable has changed. */
  note(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }
}

/** A key without rights refuses all requests. */
const isResult = (error: unknown): error is ProsemillError =>
  error instanceof ProsemillError && isRefusal(error) && error.status !== 401 && error.status !== 403;
