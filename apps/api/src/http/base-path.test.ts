import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JobBody, Problem } from '@prosemill/contract';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { basePathSchema } from './base-path.ts';
import type { ApiOptions } from '../create-api.ts';
import { type ApiServer, startServer } from './server.ts';
import { openTestApi, type TestApi } from '../test-api.ts';

const prefix = '/writing/api';

/** A proxy that shows a server under a path prefix, which it removes. It answers 404 to every other path. */
async function startProxy(target: string, headers: Readonly<Record<string, string>>): Promise<Server> {
  const proxy = createServer((request, response) => {
    const { url = '', method = '' } = request;
    if (!url.startsWith(`${prefix}/`)) {
      response.writeHead(404).end();
      return;
    }
    const options = { method, headers: { ...request.headers, ...headers } };
    const onward = httpRequest(target + url.slice(prefix.length), options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return proxy;
}

describe('the API behind a proxy that removes a path prefix', () => {
  let opened: TestApi;
  let server: ApiServer;
  let proxy: Server;
  let url: string;
  async function start(options: Partial<ApiOptions>, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    opened = await openTestApi(options);
    server = await startServer({ api: opened.api, host: '127.0.0.1', port: 0, logger: silentLogger });
    proxy = await startProxy(server.url, headers);
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  }
  afterEach(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await server.stop(100);
    await opened.close();
  });

  const submit = async (): Promise<Response> =>
    await fetch(`${url}${prefix}/jobs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"prompt":"a"}',
    });
  /** Follows a link from an answer, as a browser does. */
  const follow = async (from: string, link: string): Promise<Response> => await fetch(new URL(link, `${url}${from}`));

  const ways: readonly (readonly [string, Partial<ApiOptions>, Readonly<Record<string, string>>])[] = [
    ['BASE_PATH', { basePath: prefix }, {}],
    ['X-Forwarded-Prefix', { trustedProxies: 1 }, { 'X-Forwarded-Prefix': prefix }],
    ['BASE_PATH, whatever a proxy says', { basePath: prefix, trustedProxies: 1 }, { 'X-Forwarded-Prefix': '/x' }],
  ];
  describe.each(ways)('and is known by %s', (_name, options, headers) => {
    it('links to the new job', async () => {
      await start(options, headers);
      const answer = await submit();
      const location = answer.headers.get('Location') ?? '';
      const { id, urls } = (await answer.json()) as JobBody;
      expect([location, urls]).toEqual([
        `${prefix}/jobs/${id}`,
        {
          self: `${prefix}/jobs/${id}`,
          cancel: `${prefix}/jobs/${id}/cancel`,
          retry: `${prefix}/jobs/${id}/retry`,
          verify: `${prefix}/jobs/${id}/verify`,
          stream: `${prefix}/jobs/${id}/stream`,
          events: `${prefix}/jobs/${id}/events`,
          deliveries: `${prefix}/jobs/${id}/deliveries`,
        },
      ]);
      const job = await follow(`${prefix}/jobs`, location);
      expect(((await job.json()) as JobBody).urls).toEqual(urls);
      const canceled = await fetch(`${url}${urls.cancel}`, { method: 'POST' });
      expect(((await canceled.json()) as JobBody).status).toBe('canceled');
    });

    it('links from page to page, and gives the path of an error', async () => {
      await start(options, headers);
      await submit();
      await submit();
      const first = await fetch(`${url}${prefix}/jobs?limit=1`);
      const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('Link') ?? '')?.[1] ?? '';
      const second = await follow(`${prefix}/jobs`, link);
      expect([second.status, ((await second.json()) as { data: unknown[] }).data.length]).toEqual([200, 1]);
      const problem = (await (await fetch(`${url}${prefix}/jobs/x`)).json()) as Problem;
      expect(problem.instance).toBe(`${prefix}/jobs/x`);
    });

    it('has the prefix in /openapi.json, so that clients find every route', async () => {
      await start(options, headers);
      const document = (await (await fetch(`${url}${prefix}/openapi.json`)).json()) as {
        servers: { url: string }[];
        paths: object;
      };
      expect(document.servers).toEqual([{ url: prefix }]);
      expect((await follow(prefix, `${document.servers[0]?.url}/livez`)).status).toBe(200);
      expect(Object.keys(document.paths)).toContain('/jobs');
    });
  });

  it('has a documentation page whose links work without any setting', async () => {
    await start({});
    const page = await (await fetch(`${url}${prefix}/docs`)).text();
    const links = [...page.matchAll(/(?:href|src|url)="([^"]*)"/g)].map(([, link = '']) => link);
    const places = links.filter((link) => !link.startsWith('data:'));
    expect(places.length).toBe(2);
    for (const place of places) expect([place, (await follow(`${prefix}/docs`, place)).status]).toEqual([place, 200]);
  });

  it('ignores the prefix of a proxy that is not trusted', async () => {
    await start({}, { 'X-Forwarded-Prefix': prefix });
    const answer = await submit();
    expect(answer.headers.get('Location')).toMatch(/^\/jobs\//);
    const document = (await (await fetch(`${url}${prefix}/openapi.json`)).json()) as { servers?: unknown };
    expect(document.servers).toBeUndefined();
  });
});

describe('BASE_PATH', () => {
  it.each(['/api', '/a/b-c/v1.0', '/~x', '/.well-known', '/...'])('may be %s', (path) => {
    expect(basePathSchema.parse(path)).toBe(path);
  });

  it.each([
    '/',
    '/api/',
    'api',
    '//api',
    '/a//b',
    '/..',
    '/a/../b',
    '/.',
    'http://x/api',
    '/a b',
    '/a?b',
    '/a#b',
    '/a%2fb',
    '/a\\b',
    '/a\r\nX: y',
    '/\u0000',
    '/é',
    '/a;b',
    '/"',
    ' /api',
    `/${'a'.repeat(200)}`,
  ])('may not be %j', (path) => {
    expect(basePathSchema.safeParse(path).success).toBe(false);
  });
});
