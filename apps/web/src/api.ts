/** Requests to the service. Every answer is a value: a body, or the problem that stood in its way. */
import type { Problem } from '@prosemill/contract';
import { askForKey, keyFor, slotOf } from './session.ts';

/** A problem document, or the want of one. */
export interface PageProblem extends Pick<Problem, 'job_id' | 'prompt_tokens' | 'limit'> {
  /** `no_answer`: the request got none. `malformed_answer`: something else than the service answered. */
  readonly code: Problem['code'] | 'no_answer' | 'malformed_answer';
  /** 0: no answer. */
  readonly status: number;
  readonly detail: string;
  readonly errors: readonly Problem['errors'][number][];
  readonly request_id: string | null;
  /** The same request may succeed after this time; null: never. */
  readonly retryAfterMs: number | null;
}

export type Answer<Body> =
  | { readonly ok: true; readonly status: number; readonly body: Body; readonly etag: string | null }
  | { readonly ok: false; readonly problem: PageProblem };

export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Instead of a key of the session: a key to try, whose refusal is an answer like any other. */
  readonly key?: string;
}

/** After a request that got no answer. */
const retryLostMs = 2_000;

/**
 * @param path relative to the page, so that a proxy may serve the service below any path: `jobs?limit=50`
 * @returns the answer; the body of a 204 or 304 is null. An aborted request is a `no_answer`.
 */
export async function call<Body>(path: string, options: CallOptions = {}): Promise<Answer<Body>> {
  if (options.key !== undefined) return callOnce(path, options.key, options);
  return withKey(path, async (key) => callOnce<Body>(path, key, options), needsOtherKey);
}

const needsOtherKey = (answer: Answer<unknown>): boolean => !answer.ok && answer.problem.code === 'unauthorized';

/** Repeats a request for as long as it needs another key and the reader gives one. */
async function withKey<Result>(
  path: string,
  request: (key: string | null) => Promise<Result>,
  isRefused: (result: Result) => boolean,
): Promise<Result> {
  for (;;) {
    const key = keyFor(path);
    const result = await request(key);
    if (!isRefused(result)) return result;
    // Another request may have got a key meanwhile.
    if (keyFor(path) === key && !(await askForKey({ slot: slotOf(path), isRefused: key !== null }))) return result;
  }
}

async function callOnce<Body>(path: string, key: string | null, options: CallOptions): Promise<Answer<Body>> {
  try {
    return await readAnswer<Body>(await send(path, key, options));
  } catch (error) {
    return { ok: false, problem: noAnswer(error) };
  }
}

/** @throws when there is no answer */
async function send(path: string, key: string | null, options: CallOptions): Promise<Response> {
  const { method = 'GET', body, headers, signal } = options;
  return fetch(path, {
    method,
    headers: {
      Accept: 'application/json',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(key === null ? {} : { Authorization: `Bearer ${key}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
    // ETags are handled by callers.
    cache: 'no-store',
  });
}

/**
 * Opens a stream of events, and asks for a key if it needs one.
 * @throws when there is no answer
 */
export async function openStream(path: string, signal: AbortSignal): Promise<Response | PageProblem> {
  const open = async (key: string | null): Promise<Response | PageProblem> => {
    const response = await send(path, key, { headers: { Accept: 'text/event-stream' }, signal });
    return response.ok ? response : readProblem(response);
  };
  return withKey(path, open, (result) => 'code' in result && result.code === 'unauthorized');
}

/** Reads a whole answer, whatever its type, and asks for a key if it needs one. */
export async function openDownload(path: string): Promise<Answer<Blob>> {
  const read = async (key: string | null): Promise<Answer<Blob>> => {
    try {
      const response = await send(path, key, { headers: { Accept: '*/*' } });
      if (!response.ok) return { ok: false, problem: await readProblem(response) };
      return { ok: true, status: response.status, body: await response.blob(), etag: null };
    } catch (error) {
      return { ok: false, problem: noAnswer(error) };
    }
  };
  return withKey(path, read, needsOtherKey);
}

async function readAnswer<Body>(response: Response): Promise<Answer<Body>> {
  const { status, headers } = response;
  noteServerTime(headers);
  if (!response.ok && status !== 304) return { ok: false, problem: await readProblem(response) };
  const isEmpty = status === 204 || status === 304;
  const isJson = headers.get('Content-Type')?.startsWith('application/json') === true;
  if (!isEmpty && !isJson) return { ok: false, problem: malformedAnswer(status) };
  const body = isEmpty ? null : await response.json();
  return { ok: true, status, body: body as Body, etag: headers.get('ETag') };
}

/** The problem of an answer with an error status. */
async function readProblem(response: Response): Promise<PageProblem> {
  const { status, headers } = response;
  if (headers.get('Content-Type')?.startsWith('application/problem+json') !== true) return malformedAnswer(status);
  const problem = (await response.json()) as Problem;
  const mayRetry = headers.get('x-should-retry') === 'true';
  return { ...problem, retryAfterMs: mayRetry ? Number(headers.get('retry-after-ms') ?? retryLostMs) : null };
}

const withoutDocument = { errors: [], request_id: null } as const;

const noAnswer = (error: unknown): PageProblem => ({
  ...withoutDocument,
  code: 'no_answer',
  status: 0,
  detail: error instanceof Error ? error.message : '',
  retryAfterMs: retryLostMs,
});

/** A proxy answers like this while the service is away: 502, 503, 504. */
const malformedAnswer = (status: number): PageProblem => ({
  ...withoutDocument,
  code: 'malformed_answer',
  status,
  detail: '',
  retryAfterMs: status >= 502 && status <= 504 ? retryLostMs : null,
});

/** The clock of the server, less that of this device, in milliseconds. */
let clockOffsetMs = 0;

/** `Date` has whole seconds; less than two are no difference. */
function noteServerTime(headers: Headers): void {
  const date = Date.parse(headers.get('Date') ?? '');
  if (Number.isNaN(date)) return;
  const offset = date + 500 - Date.now();
  clockOffsetMs = Math.abs(offset) < 2_000 ? 0 : offset;
}

/** Now, by the clock of the server: milliseconds since 1970. */
export const serverNow = (): number => Date.now() + clockOffsetMs;
