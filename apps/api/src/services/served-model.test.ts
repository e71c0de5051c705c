import { join } from 'node:path';
import { openStore } from '@prosemill/store';
import { createTestFolder, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { serveModel, testModel } from '../test-api.ts';
import { createServedModel } from './served-model.ts';

it('the tokenizer is made once, however many requests come at once, and after the first worker is ready', async () => {
  const store = openStore({ url: `sqlite:${join(await createTestFolder(), 'test.db')}`, logger: silentLogger });
  onTestFinished(async () => await store.stop());
  await store.migrate();
  const readServedModel = createServedModel({ models: store.models, currentModel: async () => testModel });
  expect(await readServedModel()).toBeNull();
  await serveModel(store, { contextLength: 64 });
  const first = await Promise.all(Array.from({ length: 20 }, async () => await readServedModel()));
  const tokenizers = new Set([...first, await readServedModel()].map((model) => model?.tokenizer));
  expect([tokenizers.size, tokenizers.has(undefined)]).toEqual([1, false]);
});
