import type { Problem } from '@prosemill/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../test-api.ts';

/** The routes that /openapi.json does not have. */
const otherRoutes = ['GET /assets/1', 'GET /docs', 'GET /docs/scalar.js', 'GET /openapi.json'];

describe('the query of a request', () => {
  let opened: TestApi;
  let routes: readonly string[];
  let openAiRoutes: readonly string[];
  beforeAll(async () => {
    opened = await openTestApi();
    const { paths } = (await (await opened.api.app.request('/openapi.json')).json()) as {
      paths: Record<string, object>;
    };
    const declared = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '1')}`),
    );
    openAiRoutes = declared.filter((route) => route.includes(' /v1/'));
    routes = [...declared.filter((route) => !openAiRoutes.includes(route)), ...otherRoutes];
  });
  afterAll(async () => {
    await opened.close();
  });

  async function ask(route: string, query: string): Promise<readonly [number, readonly string[]]> {
    const [method = '', path = ''] = route.split(' ');
    const response = await opened.api.app.request(`${path}${query}`, { method });
    const text = await response.text();
    const isProblem = text !== '' && response.headers.get('Content-Type') === 'application/problem+json';
    return [response.status, isProblem ? (JSON.parse(text) as Problem).errors.map(({ pointer }) => pointer) : []];
  }

  it.each([
    ['?dryrun=true', ['/dryrun']],
    ['?x', ['/x']],
    ['?=1', ['/']],
    ['?a/b=1&%ff=2', ['/a~1b', '/\ufffd']],
    ['?__proto__=1&constructor', ['/__proto__', '/constructor']],
    ['?x=1&x=2', ['/x']],
    ['?LIMIT=1', ['/LIMIT']],
  ])('is refused with an undeclared name, on any route: %s', async (query, pointers) => {
    for (const route of routes) expect([route, ...(await ask(route, query))]).toEqual([route, 422, pointers]);
  });

  it('is refused with an undeclared name on the routes of OpenAI’s API, in its format', async () => {
    expect(openAiRoutes.length).toBeGreaterThan(2);
    for (const route of openAiRoutes) {
      const [method = '', path = ''] = route.split(' ');
      const response = await opened.api.app.request(`${path}?x=1`, { method });
      const error = { param: 'x', code: 'unknown_parameter' };
      expect([route, response.status, await response.json()]).toMatchObject([route, 400, { error }]);
    }
  });

  it.each(['', '?', '?&', '?&&'])(
    'may be empty, on any route but /live, which needs a job or a topic: %o',
    async (query) => {
      for (const route of routes.filter((each) => each !== 'GET /live'))
        expect([route, (await ask(route, query))[0]]).not.toEqual([route, 422]);
    },
  );

  it.each([
    ['GET /jobs', '?limit=1&limit=1'],
    ['GET /history', '?cursor=&limit=5&limit='],
    ['GET /jobs/1', '?wait=1&wait=2&wait=3'],
    ['GET /admin/keys', '?limit=1&%6cimit=1'],
    ['GET /jobs', '?limit'],
    ['GET /jobs', '?q=%FF'],
    ['GET /jobs', '?q=%ED%A0%80&limit=1'],
    ['GET /jobs', '?q=100%'],
    ['GET /history/export', '?metadata=a:b&metadata=a:%zz'],
    ['POST /jobs', '?dry_run=%C0%AE'],
  ])('is refused with a repeated name, without a value, or in another encoding: %s %s', async (route, query) => {
    const [status, pointers] = await ask(route, query);
    expect([status, pointers.length]).toEqual([422, 1]);
  });

  it('may have any character of UTF-8', async () => {
    expect(await ask('GET /jobs', '?q=100%25+%F0%9F%A6%8A+é')).toEqual([200, []]);
  });

  it('is not checked on an unknown route', async () => {
    expect(await ask('GET /nope', '?x')).toEqual([404, []]);
    expect(await ask('PUT /jobs', '?x')).toEqual([405, []]);
    expect((await ask('HEAD /health', '?x'))[0]).toBe(422);
  });

  it('creates no job when it is refused', async () => {
    const body = JSON.stringify({ prompt: 'a' });
    const headers = { 'Content-Type': 'application/json' };
    await opened.api.app.request('/jobs?dryrun=true', { method: 'POST', headers, body });
    expect(await opened.store.jobs.measureQueue()).toMatchObject({ queued: 0 });
  });
});
