/** A well-behaved client of streams: it submits with a stream, goes on anywhere after a loss, and records all of it. */
import { errorLine } from '@prosemill/core';
import { type OpenStream, type ReadEnding, type ReadOptions, StreamClient, streamOf } from '@prosemill/testkit';
import { hashText } from '../proof/history/hash-text.ts';
import type { CallEnding, Operation } from '../proof/history/history.ts';
import type { HistoryRecorder } from '../proof/history/record-history.ts';
import { faultLasts } from './until.ts';

export interface StreamOptions {
  /** Default `/jobs`. */
  readonly path?: '/jobs' | '/generate';
  /** Makes it safe to repeat a submit without an answer. Without a key such a stream is given up. */
  readonly key?: string;
  readonly request: Readonly<Record<string, unknown>>;
  /** Called with the number of cuts so far; the next cut comes after this many bytes. Default: no cuts. */
  readonly cutAfterBytes?: (cuts: number) => number;
  /** Called after each event. */
  readonly onEvent?: (client: StreamClient) => void;
  /** Ends the stream, and gives up. */
  readonly signal?: AbortSignal;
  /** The time limit of the whole stream; default 2 min. */
  readonly withinMs?: number;
}

export interface Streamed {
  readonly client: StreamClient;
  /** The id of the job; null: unknown. */
  readonly id: string | null;
  /** The stream came to the end of its job. */
  readonly isCompleted: boolean;
  readonly endings: readonly ReadEnding[];
}

export interface StreamCaller {
  readonly name: string;
  readonly ownerId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly recorder: HistoryRecorder;
  /** Returns the address of the next connection. */
  readonly nextUrl: () => string;
}

const defaultLimitMs = 120_000;
/** Less than the 2 s of `retry:`, because tests lose many connections. */
const retryMs = 100;

export async function streamJob(caller: StreamCaller, options: StreamOptions): Promise<Streamed> {
  const { cutAfterBytes, onEvent, withinMs = defaultLimitMs, key = null } = options;
  const client = new StreamClient();
  client.onEvent = () => onEvent?.(client);
  const signal = AbortSignal.any([AbortSignal.timeout(withinMs), options.signal ?? []].flat());
  const endings: ReadEnding[] = [];
  while (!signal.aborted) {
    const cuts = endings.filter(({ type }) => type === 'cut').length;
    const limit = cutAfterBytes === undefined ? {} : { cutAfterBytes: cutAfterBytes(cuts) };
    const ending = await connectOnce(client, caller, options, { ...limit, signal });
    if (ending === null) break;
    endings.push(ending);
    if (ending.type === 'completed') break;
    if (client.job === null && key === null) break;
    if (ending.type !== 'cut') await faultLasts(retryMs);
  }
  const isCompleted = endings.at(-1)?.type === 'completed';
  return { client, id: client.job?.id ?? null, isCompleted, endings };
}

/** @returns null for a stream that broke a promise, which the history records */
async function connectOnce(
  client: StreamClient,
  caller: StreamCaller,
  options: StreamOptions,
  limits: ReadOptions,
): Promise<ReadEnding | null> {
  const { name, ownerId, headers, recorder, nextUrl } = caller;
  const jobId = client.job?.id ?? null;
  const operation: Operation =
    jobId === null
      ? { kind: 'submit', ownerId, key: options.key ?? null, waitMs: 0 }
      : { kind: 'read', ownerId, jobId };
  let ended: ReadEnding | null = null;
  await recorder.perform({ client: name, operation }, async () => {
    const url = nextUrl();
    const open = jobId === null ? submitOf(url, headers, options) : streamOf({ url, jobId, headers });
    try {
      ended = await client.read(open, limits);
    } catch (error) {
      recorder.add({ type: 'stream-breach', jobId: jobId ?? client.job?.id ?? null, reason: errorLine(error) });
      throw error;
    }
    if (ended.type === 'completed') recordText(recorder, client);
    return endingOf(ended, client);
  });
  return ended;
}

const submitOf =
  (
    url: string,
    headers: Readonly<Record<string, string>>,
    { path = '/jobs', key, request }: StreamOptions,
  ): OpenStream =>
  async (_lastEventId, signal) =>
    await fetch(url + path, {
      method: 'POST',
      headers: {
        ...headers,
        'Content-Type': 'application/json',
        Accept: 'text/event-stream',
        ...(key === undefined ? {} : { 'Idempotency-Key': key }),
      },
      body: JSON.stringify(request),
      signal,
    });

/** The job that the connection showed last. Without one the effect of a submit is unknown, unless it was refused. */
function endingOf(ending: ReadEnding, { shown }: StreamClient): CallEnding {
  if (shown !== null) {
    const { job, version } = shown;
    const { id, status, attempt, output } = job;
    const textHash = status === 'succeeded' && output !== null ? hashText(output.generated_text) : null;
    return { type: 'ok', job: { id, ownerId: null, status, version, attempt, textHash } };
  }
  if (ending.type === 'refused') {
    const { status } = ending.response;
    if (status === 404) return { type: 'ok', job: null };
    return { type: status < 500 || status === 503 ? 'fail' : 'unknown', reason: String(status) };
  }
  return { type: 'unknown', reason: ending.type };
}

function recordText(recorder: HistoryRecorder, { job, text }: StreamClient): void {
  if (job === null) return;
  recorder.add({ type: 'stream-text', jobId: job.id, textHash: hashText(job.prompt + text), isEmpty: text === '' });
}
