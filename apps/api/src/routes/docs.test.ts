import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../test-api.ts';

let opened: TestApi;
beforeAll(async () => {
  opened = await openTestApi();
});
afterAll(async () => {
  await opened.close();
});

interface Document {
  readonly paths: Record<
    string,
    { post: { responses: Record<string, { headers: Record<string, { description?: string }> }> } }
  >;
}

it('/openapi.json has every schema that it refers to, also those of the JSON in events', async () => {
  const text = await (await opened.api.app.request('/openapi.json')).text();
  const { components } = JSON.parse(text) as { readonly components: { readonly schemas: object } };
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect(references).toEqual(expect.arrayContaining(['Job', 'StreamToken', 'StreamReset', 'Problem']));
  expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(references));
});

it('/openapi.json declares the job of an error of /v1/completions', async () => {
  const document = (await (await opened.api.app.request('/openapi.json')).json()) as Document;
  const { responses } = document.paths['/v1/completions']?.post ?? { responses: {} };
  for (const status of ['409', '500', '504']) {
    expect(responses[status]?.headers['x-job-id']?.description).toMatch(
      /^The id of the job that ended with this error/,
    );
  }
});

it('/openapi.json declares a name that a query may repeat as a list of its values', async () => {
  const { paths } = (await (await opened.api.app.request('/openapi.json')).json()) as {
    readonly paths: Record<string, { readonly get: { readonly parameters: readonly { readonly name: string }[] } }>;
  };
  expect(paths['/jobs']?.get.parameters.find(({ name }) => name === 'status')).toMatchObject({
    in: 'query',
    required: false,
    schema: { type: 'array', items: { type: 'string', enum: expect.arrayContaining(['queued', 'running']) as object } },
  });
});
