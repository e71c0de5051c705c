import type { MeBody, ServiceIndex } from '@prosemill/contract';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createKey } from '../auth/create-key.ts';
import { openTestApi, serveModel, testModel, type TestApiOptions } from '../test-api.ts';

const adminKey = 'an-admin-key-for-tests-0123456789+/=';

async function open(options: TestApiOptions = {}) {
  const opened = await openTestApi(options);
  onTestFinished(async () => await opened.close());
  const get = async (path: string, secret?: string) => {
    const headers = secret === undefined ? {} : { Authorization: `Bearer ${secret}` };
    return await opened.api.app.request(path, { headers });
  };
  const index = async () => (await (await get('/')).json()) as ServiceIndex;
  const me = async (secret?: string) => (await (await get('/me', secret)).json()) as MeBody;
  return { ...opened, get, index, me };
}

describe('GET /', () => {
  it('tells version, limits, defaults and paths before any worker has come', async () => {
    const { index } = await open({ maxQueueLength: 7, version: '1.2.3' });
    expect(await index()).toEqual({
      version: '1.2.3',
      auth: 'off',
      model: null,
      limits: {
        prompt_characters: 500,
        max_length: 200,
        context_tokens: null,
        stop: 4,
        stop_characters: 500,
        parameters: {
          temperature: { type: 'number', minimum: 0, maximum: 2 },
          top_k: { type: 'integer', minimum: 0, maximum: 1_000 },
          top_p: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
          repetition_penalty: { type: 'number', minimum: 0.1, maximum: 10 },
          seed: { type: 'integer', minimum: 0, maximum: 0xff_ff_ff_ff },
        },
        queue: 7,
      },
      defaults: {
        max_length: null,
        max_new_tokens: null,
        temperature: 1,
        top_k: 50,
        top_p: 1,
        repetition_penalty: 1,
        stop: [],
      },
      links: expect.objectContaining({ jobs: '/jobs', docs: '/docs', openapi: '/openapi.json' }) as object,
    });
  });

  it('tells the model of the workers and its context', async () => {
    const { store, index } = await open();
    await serveModel(store, { contextLength: 256 });
    expect(await index()).toMatchObject({ model: testModel, limits: { context_tokens: 256 } });
  });

  it('tells paths under the base path, and that keys are needed, to everybody', async () => {
    const { index, get } = await open({ basePath: '/api', access: { auth: 'keys', adminKey: null } });
    const body = await index();
    expect([body.auth, body.links['jobs'], body.links['me']]).toEqual(['keys', '/api/jobs', '/api/me']);
    for (const path of Object.values(body.links)) {
      expect([path, (await get(path.slice('/api'.length))).status]).not.toEqual([path, 404]);
    }
  });
});

describe('GET /me', () => {
  it('tells the owner and the key, without its secret', async () => {
    const { store, me, get } = await open({ access: { auth: 'keys', adminKey } });
    const request = { owner: 'acme', name: 'website', scopes: ['read' as const], expires_in_seconds: 3_600 };
    const { key, secret } = await createKey(store.apiKeys, request);
    const shown = {
      owner: 'acme',
      key: {
        id: key.id,
        name: 'website',
        prefix: secret.slice(0, 9),
        scopes: ['read'],
        expires_at: key.expiresAt?.toISOString(),
      },
    };
    expect(await me(secret)).toEqual(shown);
    // From the cache of keys.
    expect(await me(secret)).toEqual(shown);
    expect((await get('/me')).status).toBe(401);
  });

  it('has no key for ADMIN_KEY, and none where keys are off', async () => {
    const withKeys = await open({ access: { auth: 'keys', adminKey } });
    expect(await withKeys.me(adminKey)).toEqual({ owner: 'admin', key: null });
    const without = await open();
    expect(await without.me()).toEqual({ owner: 'local', key: null });
  });
});
