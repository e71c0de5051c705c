import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../test-api.ts';

let opened: TestApi;
beforeAll(async () => {
  opened = await openTestApi();
});
afterAll(async () => {
  await opened.close();
});

it('/openapi.json has every schema that it refers to, also those of the JSON in events', async () => {
  const text = await (await opened.api.app.request('/openapi.json')).text();
  const { components } = JSON.parse(text) as { readonly components: { readonly schemas: object } };
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect(references).toEqual(expect.arrayContaining(['Job', 'StreamToken', 'StreamReset', 'Problem']));
  expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(references));
});
