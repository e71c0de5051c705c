/** The stream of a job over as many connections as it takes. */
import type { EventSourceMessage } from 'eventsource-parser';
import { delay } from './delay.ts';
import { errorOf, noAnswer, problemError, ProsemillError } from './errors.ts';
import { readEvents } from './read-events.ts';
import { pauseBeforeRetry } from './retry-hint.ts';
import type { RequestOptions, Transport } from './transport.ts';
import type { Job, Problem } from './types.ts';

/**
 * - `status`: first of all, and whenever the job changes before it ends.
 * - `token`: more text.
 * - `reset`: the text so far is void; the next tokens begin anew. Rare: the job ran again, on another model.
 * - `completed`: last; the job has ended in any way, and all of its text came.
 */
export type StreamEvent = (
  | { readonly type: 'status' | 'completed'; readonly job: Job }
  | { readonly type: 'token'; readonly text: string; readonly tokens: number }
  | { readonly type: 'reset'; readonly reason: 'rerun' | 'unknown_position' }
) & {
  /** The completion so far; the prompt is no part of it. */
  readonly completion: string;
};

/** The request that opens the stream while the job is not known, else the id of the job. */
export type StreamStart = string | (RequestOptions & { readonly path: string });

/** Before the first `retry:` of the service. */
const defaultRetryMs = 2_000;
const longestRetryMs = 30_000;

/**
 * A lost connection goes on after the last event, at any API process of the service, also after restarts of all its
 * parts. The iteration ends after `completed`; leaving it earlier closes the connection.
 * @throws {ProsemillError} when the service refuses the stream, or gives no event for `retryForMs` after a loss
 */
export async function* streamText(
  transport: Transport,
  start: StreamStart,
  signal?: AbortSignal,
): AsyncGenerator<StreamEvent, void> {
  const leaving = new AbortController();
  const stop = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  const progress = new StreamProgress(start);
  // A stream may be silent for hours while its job waits, so the time counts from the first loss.
  let lostAt: number | null = null;
  try {
    for (let failures = 0; ;) {
      let failure: ProsemillError | null = null;
      let hasGained = false;
      try {
        for await (const event of connectOnce(transport, progress, stop)) {
          hasGained ||= event.type === 'token';
          lostAt = null;
          yield event;
          if (event.type === 'completed') return;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ProsemillError) || !error.hint.shouldRetry) throw error;
        failure = error;
      }
      const lost = failure ?? noAnswer(new Error('the stream ended'));
      failures = hasGained ? 0 : failures + 1;
      // A connection that broke in the middle says nothing about the service, which names a pause when it stops.
      const isCut = hasGained && !progress.hasPause && lost.code === 'no_answer';
      const pauseMs = isCut ? 0 : progress.pauseMs(lost, failures);
      const now = performance.now();
      lostAt ??= now;
      if (now + pauseMs - lostAt >= transport.retryForMs) throw lost;
      transport.noteRetry(lost, pauseMs);
      await delay(pauseMs, signal);
    }
  } finally {
    leaving.abort();
  }
}

/** The state that one connection leaves to the next. */
class StreamProgress {
  completion = '';
  position: string | null = null;
  /** The service named a pause, and nothing came after it. */
  hasPause = false;
  #retryMs = defaultRetryMs;
  #start: StreamStart;

  constructor(start: StreamStart) {
    this.#start = start;
  }

  get request(): RequestOptions & { readonly path: string } {
    if (typeof this.#start !== 'string') return this.#start;
    const query = this.position === null ? undefined : { after: this.position };
    return { path: `jobs/${encodeURIComponent(this.#start)}/stream`, query };
  }

  knowJob(id: string): void {
    this.#start = id;
  }

  pauseMs({ hint }: ProsemillError, failures: number): number {
    const afterMs = hint.afterMs ?? Math.min(this.#retryMs * 2 ** Math.max(0, failures - 1), longestRetryMs);
    return pauseBeforeRetry({ ...hint, afterMs }, failures);
  }

  /** @returns null for an event without a meaning here */
  add(message: EventSourceMessage | number): StreamEvent | null {
    this.hasPause = typeof message === 'number';
    if (typeof message === 'number') {
      this.#retryMs = message;
      return null;
    }
    const { id, data } = message;
    const event = message.event as StreamEvent['type'] | 'error';
    const body: unknown = JSON.parse(data);
    this.position = id ?? this.position;
    switch (event) {
      case 'status':
      case 'completed': {
        const job = body as Job;
        this.knowJob(job.id);
        return { type: event, job, completion: this.completion };
      }
      case 'token': {
        const { text, tokens } = body as { readonly text: string; readonly tokens: number };
        this.completion += text;
        return { type: 'token', text, tokens, completion: this.completion };
      }
      case 'reset':
        this.completion = '';
        return { type: 'reset', reason: (body as { reason: 'rerun' | 'unknown_position' }).reason, completion: '' };
      case 'error':
        throw streamError(body as Problem);
      default:
        // A later version of the service may have more events.
        return null;
    }
  }
}

/** The problem of a stream has no headers. The job is there: only a refusal of the request itself stays. */
const streamError = (problem: Problem): ProsemillError =>
  problemError(problem, { shouldRetry: problem.status === 429 || problem.status >= 500, afterMs: null });

async function* connectOnce(
  transport: Transport,
  progress: StreamProgress,
  stop: AbortSignal,
): AsyncGenerator<StreamEvent, void> {
  const silence = new AbortController();
  const { path, ...request } = progress.request;
  const response = await transport.open(path, {
    ...request,
    headers: { ...request.headers, Accept: 'text/event-stream' },
    signal: AbortSignal.any([stop, silence.signal]),
  });
  if (!response.ok) throw await errorOf(response);
  // The job exists from here on, even if no event follows.
  const jobId = response.headers.get('x-job-id');
  if (jobId !== null) progress.knowJob(jobId);
  const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream') === true;
  if (!isStream || response.body === null) {
    throw new ProsemillError('malformed_answer', 'The answer is not a stream.', { status: response.status });
  }
  const messages = readEvents(response.body, () => silence.abort())[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await messages.next().catch((error: unknown) => {
        throw noAnswer(error);
      });
      if (next.done === true) return;
      const event = progress.add(next.value);
      if (event !== null) yield event;
    }
  } finally {
    await messages.return();
  }
}
