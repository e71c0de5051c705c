import { createRoute, z } from '@hono/zod-openapi';
import { type ContractRoute, defineRoute, type ErrorPresenter, problemTable } from '@prosemill/contract';
import { AppError, type ErrorCode, type Scope } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from './create-app.ts';
import type { RouteTable } from './route-table.ts';
import { createKey } from './auth/create-key.ts';
import { createIdentifyCaller } from './auth/identify-caller.ts';
import { KnownKeys } from './auth/known-keys.ts';
import { openTestApi, type TestApi } from './test-api.ts';

/** An error format of its own, as the clients of another API expect it. */
const presentLine: ErrorPresenter = (error, { requestId }) => ({
  status: problemTable[error.code].status,
  headers: { 'Content-Type': 'text/plain', 'X-Request-Id': requestId },
  body: error.code,
});

const line = (code: ErrorCode) => ({
  status: problemTable[code].status,
  text: code,
  headers: { 'content-type': 'text/plain' },
});

const echo = {
  method: 'put',
  path: '/echoes/{id}',
  operationId: 'echo',
  request: {
    params: z.object({ id: z.string() }),
    query: z.strictObject({ times: z.string().optional() }),
    body: { required: true, content: { 'application/json': { schema: z.strictObject({ text: z.string() }) } } },
  },
  responses: {
    200: {
      description: 'The same.',
      content: { 'application/json': { schema: z.strictObject({ text: z.string() }) } },
    },
  },
} as const;

/** A new route is this definition in the contract, … */
const echoRoute = defineRoute({ ...echo, policy: { scope: 'admin', rate: 'submit', errors: presentLine } });

/** … and this handler in the API. */
function addEchoRoute({ add }: RouteTable): void {
  add(echoRoute, (c) => {
    if (c.req.valid('param').id === 'none') throw new AppError('not_found');
    return c.json(c.req.valid('json'), 200);
  });
}

describe('a route', () => {
  let opened: TestApi;
  beforeEach(async () => {
    opened = await openTestApi();
  });
  afterEach(async () => await opened.close());

  function open(addRoutes: (table: RouteTable) => void) {
    const { store } = opened;
    const access = { auth: 'keys', adminKey: null } as const;
    return createApp({
      access,
      identify: createIdentifyCaller(access, new KnownKeys({ keys: store.apiKeys, logger: silentLogger })),
      rateLimiter: createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger }).rateLimiter,
      submitsPerMinute: 3,
      logger: silentLogger,
      observeRequest: () => undefined,
      trustedProxies: 0,
      basePath: undefined,
      corsOrigins: [],
      isStopping: () => false,
      addRoutes,
    });
  }

  async function headersWith(scope: Scope): Promise<Record<string, string>> {
    const { secret } = await createKey(opened.store.apiKeys, { owner: 'acme', name: 'key', scopes: [scope] });
    return { 'Content-Type': 'application/json', Authorization: `Bearer ${secret}` };
  }

  it('has the scope, rate, body, query, methods and error format that its definition declares', async () => {
    const app = open(addEchoRoute);
    const send = async (headers: object, { path = '/echoes/1', method = 'PUT', body = '{"text":"a"}' } = {}) => {
      const init = { method, headers: { ...headers }, ...(method === 'GET' ? {} : { body }) };
      const answer = await app.request(path, init);
      return { status: answer.status, text: await answer.text(), headers: Object.fromEntries(answer.headers) };
    };
    const admin = await headersWith('admin');
    const other = await headersWith('admin');

    expect(await send({})).toMatchObject(line('unauthorized'));
    expect(await send(await headersWith('generate'))).toMatchObject(line('forbidden'));
    expect(await send(admin)).toMatchObject({
      status: 200,
      text: '{"text":"a"}',
      headers: { 'ratelimit-policy': '"submit";q=3;w=60' },
    });
    expect(await send(admin, { path: '/echoes/none' })).toMatchObject(line('not_found'));
    expect(await send({ ...admin, 'Content-Type': 'text/plain' })).toMatchObject(line('unsupported_media_type'));
    expect(await send(admin)).toMatchObject(line('rate_limited'));
    expect(await send(other, { body: `"${'a'.repeat(70_000)}"` })).toMatchObject(line('body_too_large'));
    expect(await send(other, { path: '/echoes/1?x=1' })).toMatchObject(line('invalid_request'));
    expect(await send(other, { body: '{"text":1}' })).toMatchObject(line('invalid_request'));
    const wrongMethod = await send(other, { method: 'GET' });
    expect(wrongMethod).toMatchObject({ ...line('method_not_allowed'), headers: { allow: 'PUT' } });
    expect(await send({}, { method: 'GET' })).toMatchObject(line('unauthorized'));
    const unknownPath = await send({}, { path: '/echoes' });
    expect(unknownPath).toMatchObject({ status: 401, headers: { 'content-type': 'application/problem+json' } });
  });

  it('without a policy keeps the app from starting', () => {
    // @ts-expect-error It does not compile either.
    const route: ContractRoute = createRoute(echo);
    expect(() => open(({ add }) => add(route, (c) => c.body(null)))).toThrow(/^PUT \/echoes\/:id has no policy\./);
  });

  it('matches its path literally: a dot is a dot', async () => {
    expect((await opened.api.app.request('/openapiXjson')).status).toBe(404);
    expect((await opened.api.app.request('/openapi.json', { method: 'PUT' })).status).toBe(405);
  });

  it('that is open tells its methods to everybody', async () => {
    const withKeys = await openTestApi({ access: { auth: 'keys', adminKey: null } });
    const answer = await withKeys.api.app.request('/health', { method: 'DELETE' });
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'GET, HEAD']);
    await withKeys.close();
  });
});
