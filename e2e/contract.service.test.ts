/**
 * Requests that no schema describes, on every route of /openapi.json: text that breaks parsers and databases, paths
 * that do not decode, bodies that are not JSON, parameters twice, methods that a path lacks. Each gets a declared
 * answer and never a 5xx. The events of streams are declared too. Schemathesis, which CI runs every night, draws the
 * requests that a schema describes.
 */
import { type OpenAiError, type Problem, problemMediaType, problemTable } from '@prosemill/contract';
import { newId } from '@prosemill/core';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, createClient, type Request } from './http-client.ts';
import type { Service } from './launch.ts';
import { type OpenApiDocument, type Parameter, type Route, routesOf } from './openapi.ts';
import { launchEmbedded, launchPostgresOnly } from './sizes.ts';

/** Requests to each route. */
const runs = 40;
/** Repeats a run: `CONTRACT_SEED=7 pnpm test e2e/contract`. */
const seed = Number(process.env['CONTRACT_SEED'] ?? Date.now() % 1_000_000);

const oddTexts = [
  ['', ' ', '0', '-1', '+5', '1.0', '1e3', '0x10', '1e999', 'NaN', 'null', 'true', '[]', '{}', '__proto__'],
  ['\0', 'a\0b', '\ud800', 'a\udfff', '\u{1f98a}', 'é', '\ufeff', '\u202e', '\r\n', '%00', '../../etc/passwd'],
  [String(2 ** 31), String(2 ** 53), String(2 ** 63), '9'.repeat(400), 'a'.repeat(501)],
].flat();
const oddText = fc.oneof(
  fc.constantFrom(...oddTexts),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', maxLength: 600 }),
);
const oddValue = fc.oneof(oddText, fc.constantFrom(null, true, -0, 0.5, 2 ** 63, 1e308, [], {}, [null], [['a']]));
/** Parts of a path that are not valid in a URL, or that servers decode wrongly. */
const oddParts = ['%', '%00', '%2F', '%E0%A4%A', '%ED%A0%80', '%25', '..%2f..', 'a'.repeat(10_000)];
const brokenJson = ['', '{', '{"prompt":', 'nul', '{"prompt":"a"}}', "{'prompt':'a'}", '[1e999]', '['.repeat(20_000)];
const otherTypes = ['text/plain', 'application/xml', 'application/json; charset=utf-16'];

/** Valid bodies of the routes that take one. */
const bodies: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  generate: { prompt: 'Once', max_new_tokens: 1 },
  createJob: { prompt: 'Once', max_new_tokens: 1 },
  retryJob: { seed: 'same' },
  createCompletion: { model: 'tiny-tales', prompt: 'Once', max_tokens: 1 },
  createKey: { owner: 'acme', name: 'first' },
};

interface Sent {
  readonly path: string;
  readonly query: [name: string, value: string][];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** True when no route accepts the request. */
  readonly isInvalid: boolean;
}

/** @returns a valid request to the route with one part replaced */
function drawRequest({ template, operation: { operationId, parameters = [], requestBody } }: Route) {
  const pathOf = (drawn: string): string => template.replaceAll(/\{\w+\}/g, () => drawn);
  const json = bodies[operationId] ?? {};
  const body = requestBody === undefined ? {} : { body: JSON.stringify(json) };
  const headers: Record<string, string> = requestBody === undefined ? {} : { 'Content-Type': 'application/json' };
  const valid: Sent = { path: pathOf(newId()), query: [], headers, ...body, isInvalid: false };
  const changed = <Value>(drawn: fc.Arbitrary<Value>, change: (value: Value) => Partial<Sent>): fc.Arbitrary<Sent> =>
    drawn.map((value) => ({ ...valid, ...change(value) }));
  const inQuery = ({ name, schema }: Parameter) => [
    changed(oddText, (value) => ({ query: [[name, value]] })),
    changed(oddText, (value) => ({
      query: [
        [name, value],
        [name, value],
      ],
      isInvalid: schema.type !== 'array',
    })),
  ];
  const inHeader = ({ name }: Parameter) => [
    changed(oddText.map(toHeaderValue), (value) => ({ headers: { ...headers, [name]: value } })),
  ];
  const inPath = [
    changed(fc.constantFrom(...oddParts), (part) => ({ path: pathOf(part) })),
    changed(
      oddText.filter((text) => text.isWellFormed() && !isPathSyntax(text)),
      (text) => ({ path: pathOf(encodeURIComponent(text)) }),
    ),
  ];
  const invalid = { isInvalid: true };
  const inBody = [
    changed(fc.constantFrom(...brokenJson), (text) => ({ body: text, ...invalid })),
    changed(fc.constantFrom(...otherTypes), (type) => ({ headers: { 'Content-Type': type }, ...invalid })),
    changed(fc.tuple(fc.constantFrom(...Object.keys(json), '__proto__'), oddValue), ([name, value]) => ({
      body: JSON.stringify(Object.fromEntries([...Object.entries(json), [name, value]])),
      isInvalid: name === '__proto__',
    })),
  ];
  return fc.oneof(
    changed(oddText, (value) => ({ query: [['unknown', value]], ...invalid })),
    ...parameters.filter((each) => each.in === 'query').flatMap(inQuery),
    ...parameters.filter((each) => each.in === 'header').flatMap(inHeader),
    ...(template.includes('{') ? inPath : []),
    ...(requestBody === undefined ? [] : inBody),
  );
}

/** No part of a path: URLs are parsed without "." and "..", which would make a request to another route. */
const isPathSyntax = (text: string): boolean => ['', '.', '..'].includes(text);

/** Characters that a header may have, without spaces around them. */
const toHeaderValue = (text: string): string => text.replaceAll(/[^\u0021-\u007e\u00a1-\u00ff ]/g, '').trim();

function expectAnswer({ status, headers, body }: Answer, { path, isInvalid }: Sent): void {
  expect(status).toBeLessThan(500);
  if (status < 400) {
    expect(isInvalid).toBe(false);
    return;
  }
  // The client has checked the answer against the document. Before a route is known, errors are problems on every path.
  if (path.startsWith('/v1/') && headers.get('Content-Type') === 'application/json') return;
  expect(headers.get('Content-Type')).toBe(problemMediaType);
  expect(problemTable[(body as Problem).code].status).toBe(status);
}

describe.each([
  ['embedded', async () => await launchEmbedded({ WORKERS: '' })],
  ['Postgres only', launchPostgresOnly],
])(`the contract (%s, seed ${seed})`, (_size, launch) => {
  let service: Service;
  let request: Request;
  let routes: readonly Route[];

  beforeAll(async () => {
    service = await launch();
    request = await createClient(service.url);
    routes = routesOf((await request<OpenApiDocument>('/openapi.json')).body);
  });
  afterAll(async () => {
    await service?.stop();
  });

  it('holds for requests that no schema describes', async () => {
    for (const route of routes) {
      const property = fc.asyncProperty(drawRequest(route), async (sent) => {
        const { path, query, headers, body } = sent;
        const search = query.length === 0 ? '' : `?${new URLSearchParams(query).toString()}`;
        const options = { method: route.method, headers, ...(body === undefined ? {} : { body }) };
        expectAnswer(await request(path + search, options), sent);
      });
      await fc.assert(property, { seed, numRuns: runs });
    }
  });

  it('holds for the events of streams, which the client checks one by one', async () => {
    const json = { prompt: 'Once', max_new_tokens: 3 };
    const headers = { Accept: 'text/event-stream' };
    const generated = await request('/generate', { json, headers });
    const path = `${generated.headers.get('Location')}/stream`;
    const completion = { model: 'tiny-tales', prompt: 'Once', max_tokens: 3, stream: true };
    const others = [
      await request('/jobs', { json, headers }),
      await request(path),
      await request(`${path}?after=1-2-00000000`),
      await request('/v1/completions', { json: { ...completion, stream_options: { include_usage: true } } }),
      await request(`/live?job=${newId()}&job=${generated.headers.get('x-job-id')}@1-2-00000000`),
    ];
    for (const answer of [generated, ...others]) {
      expect([answer.status, answer.headers.get('Content-Type')]).toEqual([200, 'text/event-stream']);
    }
    expect(others[2]?.body).toContain('event: reset\n');
    expect(others[3]?.body).toContain('data: [DONE]\n');
    for (const event of ['error', 'reset', 'completed']) expect(others[4]?.body).toContain(`event: ${event}\n`);
  });

  it('names every method that a path has', async () => {
    for (const template of new Set(routes.map((route) => route.template))) {
      const known = routes.filter((route) => route.template === template).map(({ method }) => method);
      const allowed = known.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).toSorted();
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter(
        (each) => !known.includes(each),
      )) {
        const { status, headers, body } = await request<Problem & OpenAiError>(template.replaceAll(/\{\w+\}/g, '1'), {
          method,
        });
        const code = template.startsWith('/v1/') ? body.error.code : body.code;
        expect([method, template, status, code]).toEqual([method, template, 405, 'method_not_allowed']);
        expect(headers.get('Allow')?.split(', ').toSorted()).toEqual(allowed);
      }
    }
  });
});
