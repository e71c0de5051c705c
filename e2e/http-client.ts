/** HTTP for tests: every answer is held against /openapi.json before a test looks at it. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

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
  /** Sent as it is. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

export type Request = <Body = Record<string, unknown>>(path: string, options?: RequestOptions) => Promise<Answer<Body>>;

/** A client that fails on an answer that the document does not declare: its status, its media type, or its body. */
export async function createClient(url: string): Promise<Request> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi');
  const validators = new Map<string, ValidateFunction>();

  function check(answer: Answer, method: string, path: string): void {
    const template = Object.keys(document.paths).find((candidate) => matches(candidate, path));
    const operation = template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];
    if (template === undefined || operation === undefined) return;
    const declared = operation.responses[answer.status];
    if (declared === undefined)
      throw new Error(`${method} ${template} does not declare ${answer.status}: ${describe(answer)}`);
    const mediaType = answer.headers.get('Content-Type')?.split(';')[0] ?? '';
    if (declared.content === undefined && answer.body === null) return;
    if (declared.content?.[mediaType] === undefined)
      throw new Error(`${method} ${template} does not declare ${mediaType}`);
    const pointer = [
      'paths',
      template,
      method.toLowerCase(),
      'responses',
      String(answer.status),
      'content',
      mediaType,
      'schema',
    ]
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate = validators.get(pointer) ?? ajv.compile({ $ref: `openapi#/${pointer}` });
    validators.set(pointer, validate);
    if (!validate(answer.body)) {
      throw new Error(`${method} ${template} ${answer.status}: ${ajv.errorsText(validate.errors)} ${describe(answer)}`);
    }
  }

  return async function request<Body>(path: string, options: RequestOptions = {}) {
    const method = options.method ?? (options.json === undefined && options.body === undefined ? 'GET' : 'POST');
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(options.json === undefined ? {} : { 'Content-Type': 'application/json' }), ...options.headers },
      ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
      ...(options.body === undefined ? {} : { body: options.body }),
    });
    const text = await response.text();
    const isJson = response.headers.get('Content-Type')?.includes('json') ?? false;
    const body: unknown = text === '' ? null : isJson ? JSON.parse(text) : text;
    const answer = { status: response.status, headers: response.headers, body };
    check(answer, method, path.split('?')[0] ?? path);
    return answer as Answer<Body>;
  };
}

const matches = (template: string, path: string): boolean =>
  new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);

const describe = ({ body }: Answer): string => JSON.stringify(body)?.slice(0, 500) ?? '';
