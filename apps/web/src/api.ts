/**
 * Requests to the service, by its client. Every answer is a value: a body, or the problem that stood in its way. The
 * client repeats nothing, as the page shows each problem at once.
 */
import { createClient, ProsemillError, type ErrorCode, type Problem, type ProsemillClient } from '@prosemill/client';
import { askForKey, keyFor, type KeyUse } from './session.ts';

/** A problem document, or the want of one. */
export interface PageProblem extends Pick<Problem, 'job_id' | 'prompt_tokens' | 'limit'> {
  readonly code: ErrorCode;
  /** 0: no answer, or the end of a job. */
  readonly status: number;
  readonly detail: string;
  readonly errors: readonly Problem['errors'][number][];
  readonly request_id: string | null;
  /** The same request may succeed after this time; null: never. */
  readonly retryAfterMs: number | null;
}

export type Answer<Body> =
  | { readonly ok: true; readonly body: Body }
  | { readonly ok: false; readonly problem: PageProblem };

/** After a request that got no answer, or none of the service. */
const retryLostMs = 2_000;
/** The client needs an address. `send` asks relative to the page, so that a proxy may serve it below any path. */
const base = 'http://page.invalid/';

/**
 * Performs a request with a key of the session. While the service refuses the key, it asks the reader for another one
 * and performs the request again.
 * @returns the body, or the problem; that of an aborted request is `no_answer`
 */
export async function answer<Body>(
  request: (client: ProsemillClient) => Promise<Body>,
  use: KeyUse = 'texts',
): Promise<Answer<Body>> {
  for (;;) {
    const key = keyFor(use);
    const result = await answerWith(key, request);
    if (result.ok || result.problem.code !== 'unauthorized') return result;
    const question = { slot: use === 'admin' ? use : 'texts', isRefused: key !== null } as const;
    // Another request may have got a key meanwhile.
    if (keyFor(use) === key && !(await askForKey(question))) return result;
  }
}

/** Performs a request with this key, whose refusal is an answer like any other. */
export async function answerWith<Body>(
  key: string | null,
  request: (client: ProsemillClient) => Promise<Body>,
): Promise<Answer<Body>> {
  try {
    const client = createClient({ url: base, apiKey: key ?? undefined, fetch: send, retryForMs: 0 });
    return { ok: true, body: await request(client) };
  } catch (error) {
    return { ok: false, problem: problemOf(error) };
  }
}

function problemOf(error: unknown): PageProblem {
  const noDocument = { detail: '', errors: [], request_id: null } as const;
  if (!(error instanceof ProsemillError)) {
    return { ...noDocument, code: 'no_answer', status: 0, retryAfterMs: retryLostMs };
  }
  const { code, status, problem, hint } = error;
  const retryAfterMs = hint.shouldRetry ? (hint.afterMs ?? retryLostMs) : null;
  return { ...noDocument, code, status: status ?? 0, ...problem, retryAfterMs };
}

/** The `fetch` of the client. */
const send: typeof fetch = async (input, init) => {
  // The client knows ETags itself.
  const response = await fetch(`./${(input as string).slice(base.length)}`, { ...init, cache: 'no-store' });
  noteServerTime(response.headers);
  return response;
};

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
