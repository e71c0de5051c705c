/** A service for tests, in process: it gives its answers in their order, and records the requests. */
import type { Job, Problem } from './types.ts';

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
}

/** An answer, or an error instead of one. */
export type TestAnswer = Response | Error | ((request: SeenRequest, signal: AbortSignal | null) => Promise<Response>);

export interface TestService {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly requests: readonly SeenRequest[];
}

export function createTestService(...answers: readonly TestAnswer[]): TestService {
  const requests: SeenRequest[] = [];
  const url = 'http://service.test/base';
  return {
    url,
    requests,
    fetch: async (input, init = {}) => {
      const { method = 'GET', headers, body, signal = null } = init;
      const request = {
        method,
        path: (input as string).slice(url.length),
        headers: new Headers(headers),
        body: typeof body === 'string' ? (JSON.parse(body) as unknown) : null,
      };
      const answer = answers[requests.length];
      requests.push(request);
      signal?.throwIfAborted();
      if (answer === undefined) throw new Error('There are no more answers.');
      if (answer instanceof Error) throw answer;
      return answer instanceof Response ? answer : await answer(request, signal);
    },
  };
}

export const json = (
  body: unknown,
  init: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response =>
  new Response(JSON.stringify(body), { ...init, headers: { 'Content-Type': 'application/json', ...init.headers } });

/** An error of the service. `afterMs`: the same request may succeed then; absent: never. */
export function refusal(code: Problem['code'], status: number, { afterMs }: { readonly afterMs?: number } = {}) {
  const problem = { type: `urn:prosemill:error:${code}`, title: code, status, detail: '', code, errors: [] };
  return new Response(JSON.stringify({ ...problem, instance: '/', request_id: 'r' }), {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'x-should-retry': String(afterMs !== undefined),
      'retry-after-ms': String(afterMs ?? 0),
    },
  });
}

/** The parts of a job that the client reads. */
export const testJob = (changes: Partial<Job> = {}): Job =>
  ({
    id: 'a1',
    object: 'job',
    status: 'queued',
    prompt: 'Once',
    finished_at: null,
    output: null,
    error: null,
    ...changes,
  }) as Job;

export const endedJob = (changes: Partial<Job> = {}): Job =>
  testJob({
    status: 'succeeded',
    finished_at: '2026-01-31T12:00:00.000Z',
    model: { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' },
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    seed: 7,
    output: {
      generated_text: 'Once upon',
      completion: ' upon',
      finish_reason: 'length',
      generation_id: 4,
      sha256: 's',
    },
    ...changes,
  });

/** An answer in these chunks; it breaks at its end if `isBroken`. */
export function textStream(
  chunks: readonly (string | Uint8Array)[],
  { mediaType = 'text/event-stream', isBroken = false } = {},
): Response {
  const encoder = new TextEncoder();
  const rest = [...chunks];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = rest.shift();
      if (chunk !== undefined) controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk);
      else if (isBroken) controller.error(new Error('reset'));
      else controller.close();
    },
  });
  return new Response(body, { headers: { 'Content-Type': mediaType } });
}

export const eventText = (event: string, id: string, data: unknown): string =>
  `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
