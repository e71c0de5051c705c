import { gunzipSync } from 'node:zlib';
import type { HttpBindings } from '@hono/node-server';
import type { Logger, LogFields } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../test-api.ts';

const origin = 'https://page.example';
const everywhere = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};
const dataPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A request of Node's server, from the proxy at 10.0.0.1. */
const fromProxy = (rawHeaders: readonly string[]): Partial<HttpBindings> => ({
  incoming: { rawHeaders, socket: { remoteAddress: '10.0.0.1' } } as unknown as HttpBindings['incoming'],
});

describe('the headers of every answer', () => {
  let opened: TestApi;
  const lines: LogFields[] = [];
  const logger: Logger = { ...silentLogger, info: (fields) => void lines.push(fields), child: () => logger };

  beforeEach(async () => {
    lines.length = 0;
    opened = await openTestApi({ corsOrigins: [origin], trustedProxies: 1, logger });
  });
  afterEach(async () => await opened.close());

  const request = async (path: string, init: RequestInit = {}, bindings: Partial<HttpBindings> = {}) =>
    await opened.api.app.request(path, init, bindings);
  const separationOf = async (url: string, bindings: Partial<HttpBindings> = {}) => {
    const { headers } = await request(url, {}, bindings);
    return [headers.get('Cross-Origin-Opener-Policy'), headers.get('Origin-Agent-Cluster')];
  };

  it.each([
    ['/jobs', 'GET', 200],
    ['/jobs/x', 'GET', 404],
    ['/nope', 'GET', 404],
    ['/generate', 'PUT', 405],
    ['/generate', 'POST', 415],
    ['/openapi.json', 'GET', 200],
  ])('protect %s (%s, %d), and keep it out of caches', async (path, method, status) => {
    const { status: actual, headers } = await request(path, { method });
    expect(actual).toBe(status);
    expect(Object.fromEntries(headers)).toMatchObject({
      ...everywhere,
      'content-security-policy': dataPolicy,
      'cache-control': 'no-store',
    });
    expect(headers.has('Strict-Transport-Security')).toBe(false);
  });

  it('leave a job its ETag', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const created = await request('/jobs', { method: 'POST', headers, body: '{"prompt":"a"}' });
    const path = created.headers.get('Location') ?? '';
    const etag = (await request(path)).headers.get('ETag') ?? '';
    const again = await request(path, { headers: { 'If-None-Match': etag } });
    expect([again.status, again.headers.get('ETag'), again.headers.get('Cache-Control')]).toEqual([
      304,
      etag,
      'no-store',
    ]);
  });

  it('let /docs run its own script, and no other', async () => {
    const { headers } = await request('/docs');
    expect(Object.fromEntries(headers)).toMatchObject(everywhere);
    expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'; script-src 'self';");
    const script = await request('/docs/scalar.js');
    expect(script.headers.get('Cache-Control')).toBe('public, max-age=86400');
    expect(script.headers.get('Content-Encoding')).toBe('gzip');
    expect(gunzipSync(await script.bytes()).toString()).toContain('createApiReference');
  });

  it('ask for https where the proxy reports https', async () => {
    const byHttps = await request('/livez', {}, fromProxy(['X-Forwarded-Proto', 'https']));
    expect(byHttps.headers.get('Strict-Transport-Security')).toBe('max-age=31536000');
    const byHttp = await request('/livez', {}, fromProxy(['X-Forwarded-Proto', 'http']));
    expect(byHttp.headers.has('Strict-Transport-Security')).toBe(false);
  });

  it('isolate windows where browsers obey: on this machine, and with https', async () => {
    expect(await separationOf('http://localhost:8000/jobs')).toEqual(['same-origin', '?1']);
    expect(await separationOf('http://[::1]/nope')).toEqual(['same-origin', '?1']);
    expect(await separationOf('http://192.168.1.20:8000/jobs')).toEqual([null, null]);
    expect(await separationOf('http://192.168.1.20/jobs', fromProxy(['X-Forwarded-Proto', 'https']))).toEqual([
      'same-origin',
      '?1',
    ]);
  });

  it('the log has the client address of the proxy, not the one that the client claims', async () => {
    await request('/jobs', {}, fromProxy(['X-Forwarded-For', '6.6.6.6, 1.1.1.1']));
    expect(lines).toContainEqual(expect.objectContaining({ route: '/jobs', client: '1.1.1.1' }));
  });

  it('let pages of named origins in, and list the headers that these may send and read', async () => {
    const preflight = await request('/jobs', {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe(origin);
    expect(preflight.headers.get('Access-Control-Allow-Headers')).toContain('Authorization');
    const failed = await request('/jobs/x', { headers: { Origin: origin } });
    expect([failed.status, failed.headers.get('Access-Control-Allow-Origin')]).toEqual([404, origin]);
    const exposed = failed.headers.get('Access-Control-Expose-Headers')?.split(',');
    expect(exposed).toEqual(expect.arrayContaining(['ETag', 'RateLimit', 'RateLimit-Policy', 'Retry-After']));
  });

  it.each(['https://page.example.evil', 'http://page.example', 'null'])('let no page of %s in', async (other) => {
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await request('/jobs', { method, headers: { Origin: other } });
      expect(headers.has('Access-Control-Allow-Origin')).toBe(false);
    }
  });

  it('let no page in without CORS_ORIGINS, and answer no preflight', async () => {
    const closed = await openTestApi();
    const response = await closed.api.app.request('/jobs', { method: 'OPTIONS', headers: { Origin: origin } });
    expect(response.status).toBe(405);
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    await closed.close();
  });
});
