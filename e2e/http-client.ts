/**
 * HTTP for tests. Every answer is checked against /openapi.json before a test sees it: those of `ProsemillClient` by
 * `createCheckedClient`, and those of plain requests. Tests need plain ones where the client sends no such request or
 * hides the answer: invalid bodies, statuses and headers.
 */
import { type ClientOptions, createClient as createProsemillClient, type ProsemillClient } from '@prosemill/client';
import { coerced, createSchemaAt, type OpenApiDocument, type Route, routesOf } from './openapi.ts';

export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent unchanged. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Cuts the connection when aborted. */
  readonly signal?: AbortSignal;
}

export type Request = <Body = Record<string, unknown>>(path: string, options?: RequestOptions) => Promise<Answer<Body>>;

/** Creates a client of the published package, whose answers are checked. It repeats nothing. */
export async function createCheckedClient(
  url: string,
  options: Pick<ClientOptions, 'apiKey'> = {},
): Promise<ProsemillClient> {
  return createProsemillClient({ ...options, url, fetch: await createComparingFetch(url), retryForMs: 0 });
}

/** Creates a `fetch` that fails when the status, headers, media type or body of an answer are not in the document. */
async function createComparingFetch(url: string): Promise<typeof fetch> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;
  const compare = createComparison(document);
  const routes = routesOf(document);

  return async function compareAnswer(input, init = {}) {
    const response = await fetch(input, init);
    const path = (input as string).slice(url.length);
    const { method = 'GET' } = init;
    const [pathname = path] = path.split('?');
    const route = routes.find((each) => each.method === method && matches(each.template, pathname));
    const text = await response.clone().text();
    const difference = route === undefined ? null : compare(route, answerOf(response, text));
    if (difference === null) return response;
    const { status } = response;
    throw new Error(`${method} ${path} ${status} is not as declared: ${difference}; ${text.slice(0, 500)}`);
  };
}

/** Creates a client for plain requests, by {@link createComparingFetch}. */
export async function createClient(url: string): Promise<Request> {
  const compareAnswer = await createComparingFetch(url);

  return async function request<Body>(path: string, options: RequestOptions = {}) {
    const method = options.method ?? (options.json === undefined && options.body === undefined ? 'GET' : 'POST');
    const response = await compareAnswer(`${url}${path}`, {
      method,
      headers: { ...(options.json === undefined ? {} : { 'Content-Type': 'application/json' }), ...options.headers },
      ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
      ...(options.body === undefined ? {} : { body: options.body }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    return answerOf(response, await response.text()) as Answer<Body>;
  };
}

function answerOf({ status, headers }: Response, text: string): Answer {
  const type = headers.get('Content-Type');
  // JSON lines are text.
  const isJson = /[/+]json(;|$)/.test(type ?? '');
  const body: unknown = text === '' && (isJson || type === null) ? null : isJson ? JSON.parse(text) : text;
  return { status, headers, body };
}

/**
 * Creates a comparison of answers with the document.
 * @returns the difference; null: none
 */
function createComparison(document: OpenApiDocument): (route: Route, answer: Answer) => string | null {
  const schemaAt = createSchemaAt(document);
  return function compare({ template, method, operation }, { status, headers, body }) {
    const declared = operation.responses[status];
    if (declared === undefined) return 'the status';
    const place = ['paths', template, method.toLowerCase(), 'responses', String(status)];
    for (const [name, { required = false, schema }] of Object.entries(declared.headers ?? {})) {
      const value = headers.get(name);
      const isDeclared =
        value === null ? !required : schemaAt(...place, 'headers', name, 'schema')(coerced(value, schema));
      if (!isDeclared) return `${name}: ${value}`;
    }
    const mediaType = headers.get('Content-Type')?.split(';')[0] ?? '';
    if (declared.content === undefined && body === null) return null;
    if (declared.content?.[mediaType] === undefined) return `Content-Type: ${mediaType}`;
    const validate = schemaAt(...place, 'content', mediaType, 'schema');
    const isDeclared =
      mediaType === 'text/event-stream' ? eventsIn(String(body)).every((event) => validate(event)) : validate(body);
    return isDeclared ? null : JSON.stringify(validate.errors);
  };
}

/** The events of a stream as their readers see them. Comments, and a `retry` without data, are no events. */
const eventsIn = (text: string): readonly object[] =>
  text.split('\n\n').flatMap((block) => {
    const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
    const { data, retry, ...others } = fields;
    return data === undefined ? [] : [{ ...others, data, ...(retry === undefined ? {} : { retry: Number(retry) }) }];
  });

const matches = (template: string, path: string): boolean =>
  new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);
