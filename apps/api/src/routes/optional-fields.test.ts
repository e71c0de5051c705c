import type { JobBody, Problem } from '@prosemill/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../test-api.ts';

interface BodySchema {
  readonly properties: Readonly<Record<string, object>>;
  readonly required: readonly string[];
}

interface Document {
  readonly paths: Readonly<Record<string, { readonly post?: { readonly requestBody?: object } }>>;
  readonly components: { readonly schemas: Readonly<Record<string, BodySchema>> };
}

const required = {
  GenerationRequest: { prompt: 'a' },
  RetryRequest: {},
  ApiKeyRequest: { owner: 'acme', name: 'website' },
};
const paths = {
  GenerationRequest: ['/jobs', '/generate'],
  RetryRequest: ['/jobs/{id}/retry'],
  ApiKeyRequest: ['/admin/keys'],
};
const names = ['GenerationRequest', 'RetryRequest', 'ApiKeyRequest'] as const;

const shapeOf = ({ parameters, scopes, expires_at: expiresAt }: Record<string, unknown>) => ({
  parameters,
  scopes,
  expiresAt,
});

describe('an optional field of a body', () => {
  let opened: TestApi;
  let document: Document;
  let endedId: string;
  beforeAll(async () => {
    opened = await openTestApi();
    document = (await (await opened.api.app.request('/openapi.json')).json()) as Document;
    endedId = ((await (await send('/jobs', { prompt: 'a' })).json()) as JobBody).id;
    await opened.store.jobs.requestCancel('local', endedId);
  });
  afterAll(async () => {
    await opened.close();
  });

  async function send(path: string, body: object, idempotencyKey?: string): Promise<Response> {
    const headers = { 'Content-Type': 'application/json', Prefer: 'respond-async' };
    const key = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
    return await opened.api.app.request(path.replace('{id}', endedId), {
      method: 'POST',
      headers: { ...headers, ...key },
      body: JSON.stringify(body),
    });
  }
  const optionalFields = (name: (typeof names)[number]): string[] =>
    Object.keys(document.components.schemas[name]?.properties ?? {}).filter((field) => !(field in required[name]));

  it('is one of a body that this test knows', () => {
    // Those of OpenAI's requests: routes/v1/completions.test.ts. A batch has the fields of a GenerationRequest.
    const withBody = Object.entries(document.paths).filter(
      ([path, { post }]) =>
        post?.requestBody !== undefined && !path.startsWith('/v1/') && !['/batches', '/webhooks/test'].includes(path),
    );
    expect(withBody.map(([path]) => path).toSorted()).toEqual(Object.values(paths).flat().toSorted());
  });

  it.each(names)('of %s may be null, which counts as absent', async (name) => {
    const fields = optionalFields(name);
    expect(fields.length).toBeGreaterThan(1);
    for (const path of paths[name]) {
      const left = await send(path, required[name]);
      const status = left.status;
      expect(status).toBeLessThan(300);
      const shape = shapeOf((await left.json()) as Record<string, unknown>);
      for (const nulls of [...fields.map((field) => [field]), fields]) {
        const body = { ...required[name], ...Object.fromEntries(nulls.map((field) => [field, null])) };
        const answer = await send(path, body);
        expect([nulls, answer.status]).toEqual([nulls, status]);
        expect(shapeOf((await answer.json()) as Record<string, unknown>)).toEqual(shape);
      }
    }
  });

  it.each(names)('of %s may be null in the schema too, and a required one may not', (name) => {
    const { properties = {} } = document.components.schemas[name] ?? {};
    const nullable = Object.keys(properties).filter((field) => JSON.stringify(properties[field]).includes('"null"'));
    expect(nullable).toEqual(optionalFields(name));
  });

  it.each(names)('of %s with a wrong type is reported once', async (name) => {
    const fields = optionalFields(name).flatMap((field) =>
      ['some text', true, {}].map((value) => [field, value] as const),
    );
    const right: Readonly<Record<string, unknown>> = { stop: 'some text', metadata: {}, store: true };
    const wrong = fields.filter(([of, given]) => JSON.stringify(right[of]) !== JSON.stringify(given));
    for (const [field, value] of wrong) {
      const answer = await send(paths[name][0] ?? '', { ...required[name], [field]: value });
      const { errors } = (await answer.json()) as Problem;
      expect([answer.status, errors.map(({ pointer }) => pointer)]).toEqual([422, [`/${field}`]]);
    }
  });

  it('makes no difference to an idempotency key when it is null', async () => {
    const first = await send('/jobs', { prompt: 'a' }, 'null');
    const nulls = Object.fromEntries(optionalFields('GenerationRequest').map((field) => [field, null]));
    const second = await send('/jobs', { prompt: 'a', ...nulls }, 'null');
    expect([second.status, second.headers.get('Idempotent-Replayed')]).toEqual([202, 'true']);
    expect(((await second.json()) as JobBody).id).toBe(((await first.json()) as JobBody).id);
  });

  it('named stop may be one string, which is a list of one', async () => {
    const first = (await (await send('/jobs', { prompt: 'a', stop: '\n' }, 'stop')).json()) as JobBody;
    expect(first.parameters.stop).toEqual(['\n']);
    const second = await send('/jobs', { prompt: 'a', stop: ['\n'] }, 'stop');
    expect(second.headers.get('Idempotent-Replayed')).toBe('true');
  });

  it.each([
    ['', '/stop'],
    ['\u0000', '/stop'],
    ['x'.repeat(501), '/stop'],
    [5, '/stop'],
    [{}, '/stop'],
    [[''], '/stop/0'],
    [['a', null], '/stop/1'],
    [['a', ['b']], '/stop/1'],
    [['a', 'b', 'c', 'd', 'e'], '/stop'],
  ])('named stop is refused as %j', async (stop, pointer) => {
    const answer = await send('/jobs', { prompt: 'a', stop });
    const { errors } = (await answer.json()) as Problem;
    expect([answer.status, errors.map((error) => error.pointer)]).toEqual([422, [pointer]]);
  });
});
