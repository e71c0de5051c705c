import { createHash } from 'node:crypto';
import type { JobBody, Problem } from '@prosemill/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endNext, openTestApi, succeededWith, type TestApi } from '../test-api.ts';

let opened: TestApi;
beforeAll(async () => {
  opened = await openTestApi();
});
afterAll(async () => {
  await opened.close();
});

const headers = { 'Content-Type': 'application/json', Prefer: 'respond-async' };
const send = async (path: string, body: string) =>
  await opened.api.app.request(path, { method: 'POST', headers, body });
const submit = async (body: object, path = '/jobs'): Promise<JobBody> =>
  (await (await send(path, JSON.stringify(body))).json()) as JobBody;
const find = async (id: string): Promise<JobBody> =>
  (await (await opened.api.app.request(`/jobs/${id}`)).json()) as JobBody;

interface Document {
  readonly components: {
    readonly schemas: {
      readonly GenerationRequest: {
        readonly properties: {
          readonly metadata: {
            readonly propertyNames: { readonly pattern: string; readonly not: object };
            readonly additionalProperties: { readonly pattern: string };
          };
        };
      };
    };
  };
}

const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index), 'x']));

describe('metadata', () => {
  it.each([
    [{ customer: '4711', empty: '' }],
    [{ ['🦊'.repeat(64)]: '🦊'.repeat(512) }],
    [{ constructor: 'a', toString: 'b', 'with/slash ~': '\n' }],
    [pairs(16)],
    [{}],
  ])('comes back with the job: %o', async (metadata) => {
    for (const path of ['/jobs', '/generate']) {
      const job = await submit({ prompt: 'a', metadata }, path);
      expect(job.metadata).toEqual(metadata);
      expect((await find(job.id)).metadata).toEqual(metadata);
    }
  });

  it('is empty by default', async () => {
    expect((await submit({ prompt: 'a' })).metadata).toEqual({});
    expect((await submit({ prompt: 'a', metadata: null })).metadata).toEqual({});
  });

  it.each([
    [JSON.stringify(pairs(17)), '/metadata', /at most 16 pairs/],
    ['[]', '/metadata', /expected record/],
    ['"a"', '/metadata', /expected record/],
    ['{"a":1}', '/metadata/a', /expected string/],
    ['{"a":null}', '/metadata/a', /expected string/],
    ['{"a":{"b":"c"}}', '/metadata/a', /expected string/],
    ['{"":"a"}', '/metadata/', /must not be empty/],
    [JSON.stringify({ ['k'.repeat(65)]: 'a' }), `/metadata/${'k'.repeat(65)}`, /at most 64 characters/],
    [JSON.stringify({ a: 'v'.repeat(513) }), '/metadata/a', /at most 512 characters/],
    ['{"a":"b\\u0000"}', '/metadata/a', /U\+0000/],
    ['{"a\\u0000":"b"}', '/metadata/a\u0000', /U\+0000/],
    ['{"a":"\\ud800"}', '/metadata/a', /lone surrogate/],
    ['{"\\udfff":"a"}', '/metadata/\udfff', /lone surrogate/],
    ['{"a/b~":1}', '/metadata/a~1b~0', /expected string/],
    ['{"__proto__":"a"}', '/metadata/__proto__', /not allowed as a key/],
  ])('is refused as %s', async (metadata, pointer, detail) => {
    const answer = await send('/jobs', `{"prompt":"a","metadata":${metadata}}`);
    const { errors } = (await answer.json()) as Problem;
    expect([answer.status, errors.map((error) => error.pointer)]).toEqual([422, [pointer]]);
    expect(errors[0]?.detail).toMatch(detail);
  });

  it('is declared with the keys and values that are refused', async () => {
    const document = (await (await opened.api.app.request('/openapi.json')).json()) as Document;
    const { propertyNames, additionalProperties } = document.components.schemas.GenerationRequest.properties.metadata;
    for (const pattern of [propertyNames.pattern, additionalProperties.pattern].map((each) => new RegExp(each))) {
      expect(['', 'a', '\n', 'a\u0000', 'a\n\u0000b'].filter((text) => pattern.test(text))).toEqual(['', 'a', '\n']);
    }
    expect(propertyNames.not).toEqual({ const: '__proto__' });
  });
});

it('the output of a job has its completion alone, and the hash of the whole text', async () => {
  const { id } = await submit({ prompt: 'Es war 🦊' });
  while ((await endNext(opened.store, { outcome: succeededWith(' einmal 👑') })).id !== id);
  const { output } = await find(id);
  const text = 'Es war 🦊 einmal 👑';
  expect(output).toMatchObject({ generated_text: text, completion: ' einmal 👑' });
  expect(output?.sha256).toBe(createHash('sha256').update(Buffer.from(text, 'utf8')).digest('hex'));
});
