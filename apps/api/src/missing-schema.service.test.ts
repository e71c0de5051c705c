/**
 * An API on a database without its tables: every route that needs them answers 503, before the migration and after a
 * loss.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '@prosemill/contract';
import { newId, type Store } from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { createTestDatabase, openSql, silentLogger } from '@prosemill/testkit';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import type { Access } from './auth/access.ts';
import type { Api } from './create-api.ts';
import { createSecret } from './auth/api-key-secret.ts';
import { openTestApi } from './test-api.ts';

const body = { prompt: 'Once upon a time' };

/** Routes that need the database, with the rest of their requests. */
const routes: readonly (readonly [method: string, path: string, json?: unknown])[] = [
  ['POST', '/generate', body],
  ['POST', '/jobs', body],
  ['GET', '/jobs'],
  ['GET', `/jobs/${newId()}`],
  ['POST', `/jobs/${newId()}/cancel`],
  ['GET', '/history'],
  ['GET', '/history/1'],
  ['POST', '/admin/queue/pause'],
  ['POST', '/admin/queue/resume'],
  ['GET', '/readyz'],
];
const keyRoutes: typeof routes = [
  ['GET', '/admin/keys'],
  ['POST', '/admin/keys', { owner: 'acme', name: 'website' }],
  ['DELETE', `/admin/keys/${newId()}`],
];

async function ask({ app }: Api, [method, path, json]: (typeof routes)[number], key?: string): Promise<Response> {
  return await app.request(path, {
    method,
    headers: {
      ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
}

async function expectUnavailable(api: Api, asked: typeof routes, key?: string): Promise<void> {
  for (const route of asked) {
    const answer = await ask(api, route, key);
    const { code, detail } = (await answer.json()) as Problem;
    expect([route, answer.status, code, answer.headers.has('retry-after')]).toEqual([
      route,
      503,
      'database_unavailable',
      true,
    ]);
    expect(detail).toMatch(/^The schema is missing.*run pnpm migrate\.$/);
  }
}

const problemsOf = async ({ app }: Api): Promise<readonly string[]> =>
  ((await (await app.request('/health')).json()) as { problems: readonly string[] }).problems;

async function openApi(store: Store, access: Access): Promise<Api> {
  const opened = await openTestApi({ store, access });
  onTestFinished(async () => await opened.close());
  return opened.api;
}

describe('an API without a schema', () => {
  it('answers 503 until the one process of a container has migrated', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'prosemill-schema-'));
    onTestFinished(async () => await rm(folder, { recursive: true }));
    const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
    onTestFinished(async () => await store.stop());
    const api = await openApi(store, { auth: 'off' });
    await expectUnavailable(api, routes);
    expect(await problemsOf(api)).toEqual([expect.stringMatching(/schema is missing.*pnpm migrate/)]);
    await store.migrate();
    expect((await ask(api, ['GET', '/jobs'])).status).toBe(200);
    await expect.poll(async () => (await ask(api, ['GET', '/readyz'])).status).toBe(200);
  });

  it('answers 503 after the schema was dropped, keys or not, and works again when it is back', async () => {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    const sql = await openSql(url);
    onTestFinished(async () => await sql.close());
    const store = openStore({ url, logger: silentLogger });
    onTestFinished(async () => await store.stop());
    await store.migrate();
    const adminKey = 'a-secret-of-thirty-two-characters';
    const [open, closed] = [await openApi(store, { auth: 'off' }), await openApi(store, { auth: 'keys', adminKey })];
    await sql.execute('drop schema public cascade');
    await sql.execute('create schema public');
    await expectUnavailable(open, routes);
    await expectUnavailable(closed, keyRoutes, adminKey);
    await expectUnavailable(closed, [['GET', '/jobs']], createSecret().secret);
    await store.migrate();
    expect((await ask(open, ['GET', '/jobs'])).status).toBe(200);
    expect((await ask(closed, ['GET', '/admin/keys'], adminKey)).status).toBe(200);
  });
});
