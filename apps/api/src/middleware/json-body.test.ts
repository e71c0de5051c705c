import type { JobBody, Problem } from '@prosemill/contract';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../test-api.ts';

const valid = '{"prompt":"Once upon a time"}';

/** Names and values of parameters as RFC 9110, section 5.6, allows them. */
const tokenCharacters = "!#$%&'*+-.^_`|~0123456789abcxyzABCXYZ".split('');
const token = fc.string({ unit: fc.constantFrom(...tokenCharacters), minLength: 1, maxLength: 8 });
const quotedCharacter = fc.oneof(
  fc.constantFrom('\t', ' ', '!', '#', '[', ']', '~', ';', '=', ',', '/', 'é', 'ÿ'),
  fc.constantFrom('\\"', '\\\\', '\\a', '\\ ', '\\;'),
);
const quoted = fc.string({ unit: quotedCharacter, maxLength: 8 }).map((text) => `"${text}"`);
const space = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 });
const parameter = fc.oneof(
  fc.constant(''),
  fc
    .tuple(
      token.filter((name) => name.toLowerCase() !== 'charset'),
      fc.oneof(token, quoted),
    )
    .map((pair) => pair.join('=')),
  fc.constantFrom('charset=utf-8', 'CHARSET=UTF-8', 'charset="utf-8"', 'charset="\\u\\t\\f-8"'),
);
const jsonType = fc
  .tuple(
    fc.constantFrom('application/json', 'Application/JSON'),
    fc.array(
      fc.tuple(space, space, parameter).map(([before, after, text]) => `${before};${after}${text}`),
      { maxLength: 4 },
    ),
  )
  .map(([type, parameters]) => type + parameters.join(''));

const problemOf = async (response: Response) => (await response.json()) as Problem;
const nested = (text: string) => text.replace('@', '['.repeat(30_000) + ']'.repeat(30_000));

describe('the body of a request', () => {
  let opened: TestApi;
  beforeAll(async () => {
    opened = await openTestApi({ maxQueueLength: 10_000 });
  });
  afterAll(async () => {
    await opened.close();
  });

  const send = async (
    headers: readonly (readonly [string, string])[],
    body: string | Uint8Array<ArrayBuffer> = valid,
    path = '/jobs',
  ) => await opened.api.app.request(path, { method: 'POST', headers: headers.map(([...pair]) => pair), body });
  const sendAs = async (contentType: string, body: string | Uint8Array<ArrayBuffer> = valid, path = '/jobs') =>
    await send([['Content-Type', contentType]], body, path);

  it.each(['/jobs', '/generate', '/admin/keys'])(
    'is accepted by %s under every spelling of the media type that RFC 9110 allows',
    async (path) => {
      // An unknown field: the body has been read, and nothing is stored.
      const body = '{"prompt":"a","owner":"a","name":"a","x":1}';
      await fc.assert(
        fc.asyncProperty(jsonType, async (contentType) => {
          const response = await sendAs(contentType, body, path);
          expect([contentType, response.status, (await problemOf(response)).code]).toEqual([
            contentType,
            422,
            'invalid_request',
          ]);
        }),
      );
    },
  );

  it.each([
    'application/json;',
    'application/json ; ;charset="utf-8";',
    'application/json; charset=utf8',
    'application/json; q="a;b\\",c"; version=1',
  ])('is stored: %s', async (contentType) => {
    expect((await sendAs(contentType)).status).toBe(202);
  });

  it.each([
    ['', /application\/json/],
    [';', /application\/json/],
    ['json', /application\/json/],
    ['text/json', /application\/json/],
    ['application/problem+json', /application\/json/],
    ['application/json+x', /application\/json/],
    ['application/jsonp', /application\/json/],
    ['application/ json', /application\/json/],
    ['application/json charset=utf-8', /application\/json/],
    ['application/json; charset', /application\/json/],
    ['application/json; charset = utf-8', /application\/json/],
    ['application/json; a="b', /application\/json/],
    ['application/json, application/json', /once/],
    ['application/json; charset=latin1', /utf-8/],
    ['application/json; charset="UTF-16"', /utf-8/],
    ['application/json; charset=""', /utf-8/],
  ])('is refused with 415: %s', async (contentType, detail) => {
    const response = await sendAs(contentType);
    expect(response.status).toBe(415);
    const problem = await problemOf(response);
    expect(problem.code).toBe('unsupported_media_type');
    expect(problem.detail).toMatch(detail);
  });

  it('is refused with two lines of Content-Type', async () => {
    const response = await send([
      ['Content-Type', 'application/json; a=b'],
      ['Content-Type', 'text/plain'],
    ]);
    expect(response.status).toBe(415);
  });

  it.each([
    ['identity', 202],
    ['', 202],
    ['gzip', 415],
    ['identity, br', 415],
  ])('with Content-Encoding %o: %i', async (coding, status) => {
    const response = await send([
      ['Content-Type', 'application/json'],
      ['Content-Encoding', coding],
    ]);
    expect(response.status).toBe(status);
  });

  it('may begin with a byte order mark', async () => {
    const response = await sendAs('application/json', `\ufeff${valid}`);
    expect(response.status).toBe(202);
    expect(((await response.json()) as JobBody).prompt).toBe('Once upon a time');
  });

  it.each([
    ['brackets', nested('@'), 422],
    ['brackets for a prompt', nested('{"prompt":@}'), 422],
    ['brackets in stop', nested('{"prompt":"a","stop":@}'), 422],
    ['brackets in an unknown field', nested('{"prompt":"a","x":@}'), 422],
    ['brackets that never close', '['.repeat(60_000), 400],
    ['braces', '{"a":'.repeat(12_000), 400],
    ['a number of 60,000 digits', `{"prompt":"a","seed":${'9'.repeat(60_000)}}`, 422],
    ['an exponent of 60,000 digits', `{"prompt":"a","temperature":1e-${'9'.repeat(60_000)}}`, 202],
    ['a name twice', '{"prompt":"b","prompt":"a"}', 202],
    ['__proto__', '{"__proto__":{"prompt":"a"}}', 422],
    ['constructor', '{"prompt":"a","constructor":{"prototype":{}}}', 422],
    ['7,000 unknown names', `{${Array.from({ length: 7_000 }, (_, index) => `"${index}":0`).join()}}`, 422],
  ])('of %s is no bug', async (_name, body, status) => {
    expect((await sendAs('application/json', body)).status).toBe(status);
  });

  it('is never a bug, whatever its headers and bytes are', async () => {
    const header = fc.oneof(
      jsonType,
      fc.string({
        unit: fc.constantFrom(...tokenCharacters, ' ', '\t', ';', '=', '"', '\\', ',', '/', 'é'),
        maxLength: 40,
      }),
      fc.constantFrom('multipart/form-data', 'multipart/form-data; boundary=', 'application/x-www-form-urlencoded'),
    );
    const mutated = fc
      .tuple(fc.nat(valid.length), fc.uint8Array({ maxLength: 3 }))
      .map(([at, bytes]) => Buffer.concat([Buffer.from(valid.slice(0, at)), bytes, Buffer.from(valid.slice(at + 1))]));
    const body = fc.oneof(
      mutated,
      fc.json().map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 50 }),
    );
    const path = fc.oneof(
      fc.constantFrom('/jobs', '/generate', '/admin/keys', '/admin/queue/pause', '/jobs/%'),
      fc
        .string({ unit: fc.constantFrom('%', '0', 'f', 'E', '/', '?', '&', '=', '+', '.', ';'), maxLength: 12 })
        .map((text) => `/jobs${text}`),
    );
    const headers = fc.record(
      {
        'Content-Type': header,
        'Content-Encoding': fc.constantFrom('', 'identity', 'x'),
        Cookie: fc.string({ unit: fc.constantFrom('a', '=', ';', '%', '"', ' '), maxLength: 10 }),
        Prefer: fc.constantFrom('respond-async', 'wait=', 'wait=1;;, respond-async', '"'),
      },
      { requiredKeys: ['Prefer'] },
    );
    await fc.assert(
      fc.asyncProperty(path, headers, body, async (target, given, bytes) => {
        const response = await send(
          Object.entries({ ...given, Prefer: `respond-async, ${given.Prefer}` }),
          new Uint8Array(bytes),
          target,
        );
        expect(response.status).toBeLessThan(500);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused where it would be ignored', async () => {
    const { app } = opened.api;
    const missing = '/jobs/00000000-0000-7000-8000-000000000000';
    for (const [method, path] of [
      ['POST', '/history/export'],
      ['POST', `${missing}/cancel`],
      ['DELETE', missing],
    ] as const) {
      const stream = new Blob(['{"q":"lost"}']).stream();
      for (const body of ['{"q":"lost"}', stream]) {
        const request = new Request(`http://localhost${path}`, { method, body, duplex: 'half' });
        const response = await app.fetch(request);
        expect(response.status).toBe(422);
        expect((await problemOf(response)).detail).toBe('This path takes no body.');
      }
      for (const body of ['', '{}', null]) {
        const response = await app.fetch(new Request(`http://localhost${path}`, { method, body }));
        expect(response.status).not.toBe(422);
      }
    }
  });
});
