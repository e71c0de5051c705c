import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { startServer } from '../http/server.ts';
import { openTestApi, type TestApi, type TestApiOptions } from '../test-api.ts';

const origin = 'https://page.example';

let opened: TestApi;
afterEach(async () => await opened.close());

const open = async (options: TestApiOptions = {}): Promise<TestApi> =>
  (opened = await openTestApi({ corsOrigins: [origin], ...options }));

describe('without keys a request', () => {
  it.each([
    ['evil.example:8000', 421],
    ['page.example.evil', 421],
    ['127.0.0.1.evil.example', 421],
    ['localhost.evil', 421],
    ['localhost:8000', 200],
    ['app.localhost', 200],
    ['127.0.0.1:8000', 200],
    ['192.168.1.20:8000', 200],
    ['[::1]:8000', 200],
    ['api:8000', 200],
    ['page.example:8000', 200],
  ])('to %s gets %d', async (host, status) => {
    const { api } = await open();
    for (const path of ['/jobs', '/health', '/docs']) {
      expect((await api.app.request(`http://${host}${path}`)).status).toBe(status);
    }
    expect((await api.app.request(`http://${host}/admin/queue/resume`, { method: 'POST' })).status).toBe(status);
  });

  it('is for the host in its Host header', async () => {
    const server = await startServer({ api: (await open()).api, host: '127.0.0.1', port: 0, logger: silentLogger });
    const [response] = (await once(
      httpRequest(`${server.url}/jobs`, { headers: { Host: 'evil.example' } }).end(),
      'response',
    )) as [IncomingMessage];
    expect([response.statusCode, await json(response)]).toMatchObject([421, { code: 'misdirected_request' }]);
    await server.stop(1_000);
  });
});

it('with keys a request may be for any host', async () => {
  const { api } = await open({ access: { auth: 'keys', adminKey: null } });
  expect((await api.app.request('https://prosemill.example/health')).status).toBe(200);
});

describe('a request that a browser labels', () => {
  it.each([
    ['cross-site', 'https://page.example.evil', 403],
    ['same-site', 'http://127.0.0.1:3000', 403],
    ['cross-site', origin, 200],
    ['same-origin', 'http://127.0.0.1:8000', 200],
    ['none', '', 200],
  ])('%s (%s) gets %d if it changes something', async (site, from, status) => {
    const { api } = await open();
    const headers = { 'Sec-Fetch-Site': site, Origin: from };
    expect((await api.app.request('/admin/queue/resume', { method: 'POST', headers })).status).toBe(status);
    expect((await api.app.request('/health', { headers })).status).toBe(200);
  });
});

describe('a request without Sec-Fetch-Site, as browsers send it over plain http to another machine,', () => {
  it.each([
    ['from http://evil.example', { Origin: 'http://evil.example' }, 403],
    ['from another port', { Origin: 'http://192.168.1.20:3000' }, 403],
    ['from a page without an origin', { Origin: 'null' }, 403],
    ['from the API itself', { Origin: 'http://192.168.1.20:8000' }, 200],
    ['from a page of CORS_ORIGINS', { Origin: origin }, 200],
    ['from no page', {}, 200],
  ])('%s (%j) gets %d if it changes something', async (_name, headers, status) => {
    const { api } = await open();
    const url = 'http://192.168.1.20:8000/admin/queue/resume';
    expect((await api.app.request(url, { method: 'POST', headers })).status).toBe(status);
  });
});
