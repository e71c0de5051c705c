/** The stream of a job over as many connections as it takes. */
import type { EventSourceMessage } from 'eventsource-parser';
import { delay } from './delay.ts';
import { isProblem, malformedAnswer, noAnswer, problemError, ProsemillError } from './errors.ts';
import { LinkedController } from './linked-controller.ts';
import { readEvents } from './read-events.ts';
import { pauseBeforeRetry } from './retry-hint.ts';
import { pathSegment, type RequestOptions, type Transport } from './transport.ts';
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
  const leaving = new LinkedController(signal);
  const progress = new StreamProgress(start);
  // A stream may be silent for hours while its job waits, so the time counts from the first loss.
  let lostAt: number | null = null;
  try {
    for (let failures = 0; ;) {
      let failure: ProsemillError | null = null;
      let hasGained = false;
      try {
        for await (const event of connectOnce(transport, progress, leaving.signal)) {
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
      if (now + pauseMs - lostAt >= transport.repeatMs(lost, progress.request)) throw lost;
      transport.noteRetry(lost, pauseMs);
      await delay(pauseMs, signal);
    }
  } finally {
    leaving.end();
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
    return { path: `jobs/${pathSegment(this.#start)}/stream`, query };
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
    const body = parseEvent(data);
    this.position = id ?? this.position;
    switch (event) {
      case 'status':
      case 'completed': {
        const job = body as Job;
        if (typeof job.id !== 'string') throw malformedAnswer(200);
        this.knowJob(job.id);
        return { type: event, job, completion: this.completion };
      }
      case 'token': {
        const { text, tokens } = body as { readonly text: string; readonly tokens: number };
        if (typeof text !== 'string') throw malformedAnswer(200);
        this.completion += text;
        return { type: 'token', text, tokens, completion: this.completion };
      }
      case 'reset':
        this.completion = '';
        return { type: 'reset', reason: (body as { reason: 'rerun' | 'unknown_position' }).reason, completion: '' };
      case 'error':
        throw isProblem(body) ? streamError(body) : malformedAnswer(200);
      default:
        // A later version of the service may have more events.
        return null;
    }
  }
}

/** @throws {ProsemillError} `malformed_answer` */
function parseEvent(data: string): object {
  try {
    const body: unknown = JSON.parse(data);
    if (typeof body === 'object' && body !== null) return body;
  } catch {
    // Reported below.
  }
  throw malformedAnswer(200);
}

/** The problem of a stream has no headers. The job is there: only a refusal of the request itself stays. */
const streamError = (problem: Problem): ProsemillError =>
  problemError(problem, { shouldRetry: problem.status === 429 || problem.status >= 500, afterMs: null });

async function* connectOnce(
  transport: Transport,
  progress: StreamProgress,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent, void> {
  const { path, ...request } = progress.request;
  const { headers, text } = await transport.openText(path, { ...request, mediaType: 'text/event-stream', signal });
  // The job exists from here on, even if no event follows.
  const jobId = headers.get('x-job-id');
  if (jobId !== null) progress.knowJob(jobId);
  for await (const message of readEvents(text)) {
    const event = progress.add(message);
    if (event !== null) yield event;
  }
}
