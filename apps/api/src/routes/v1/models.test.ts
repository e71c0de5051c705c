import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi } from '../../test-api.ts';
import { type CompletionApi, openCompletionApi } from './test-completions.ts';

const named = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'prosemill' });

describe('GET /v1/models', () => {
  let opened: CompletionApi;
  beforeAll(async () => {
    opened = await openCompletionApi();
  });
  afterAll(async () => await opened.close());

  it('lists the model of the workers', async () => {
    const { status, body } = await opened.send('/v1/models');
    expect([status, body]).toEqual([200, { object: 'list', data: [named('tiny-tales')] }]);
  });

  it('is empty until a worker has loaded a model', async () => {
    const without = await openTestApi();
    const answer = await without.api.app.request('/v1/models');
    expect(await answer.json()).toEqual({ object: 'list', data: [] });
    expect((await without.api.app.request('/v1/models/tiny-tales')).status).toBe(404);
    await without.close();
  });

  it.each([
    ['tiny-tales', 'tiny-tales'],
    ['someone/tiny-tales', 'someone/tiny-tales'],
    ['someone%2Ftiny-tales', 'someone/tiny-tales'],
  ])('/%s is the model under that name', async (path, id) => {
    const { status, body } = await opened.send(`/v1/models/${path}`);
    expect([status, body]).toEqual([200, named(id)]);
  });

  it.each(['gpt2', 'tiny-tales/gpt2', 'tiny-tales%2F'])('/%s does not exist', async (path) => {
    const { status, body } = await opened.send(`/v1/models/${path}`);
    expect([status, body.error]).toMatchObject([404, { code: 'model_not_found', param: 'model' }]);
  });
});
