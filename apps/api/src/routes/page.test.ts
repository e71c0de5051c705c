import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Page, readPage } from '../page/read-page.ts';
import { openTestApi, type TestApi, type TestApiOptions } from '../test-api.ts';

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const document = '<!doctype html><script type="module" src="./assets/index-1a2b.js"></script>';
const script = 'document.title = "Prosemill";\n'.repeat(20);
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const decoders = { br: brotliDecompressSync, gzip: gunzipSync };

describe('the page', () => {
  let folder: string;
  let page: Page;
  let opened: TestApi;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosemill-page-'));
    await mkdir(join(folder, 'assets'));
    for (const [path, content] of [
      ['index.html', document],
      ['assets/index-1a2b.js', script],
    ] as const) {
      await writeFile(join(folder, path), content);
      await writeFile(join(folder, `${path}.br`), brotliCompressSync(content));
      await writeFile(join(folder, `${path}.gz`), gzipSync(content));
    }
    await writeFile(join(folder, 'assets', 'icon-3c4d.svg'), '<svg/>');
    page = await readPage(folder);
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  const open = async (options: TestApiOptions = {}): Promise<void> => {
    const api = await openTestApi({ findPage: async () => page, ...options });
    onTestFinished(async () => await api.close());
    opened = api;
  };
  beforeEach(async () => await open());

  const get = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    await opened.api.app.request(path, { headers: { Accept: browser, ...headers } });

  it('is the answer of GET / to browsers, with a strict CSP, and is asked for again each time', async () => {
    const answer = await get('/');
    expect([answer.status, await answer.text()]).toEqual([200, document]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': pagePolicy,
      'cache-control': 'no-cache',
      vary: 'Accept, Accept-Encoding',
      'x-frame-options': 'DENY',
    });
    const etag = answer.headers.get('ETag') ?? '';
    const unchanged = await get('/', { 'If-None-Match': etag, 'Accept-Encoding': 'br' });
    expect([unchanged.status, await unchanged.text(), unchanged.headers.get('ETag')]).toEqual([304, '', etag]);
    expect(unchanged.headers.get('Vary')).toBe('Accept, Accept-Encoding');
  });

  it.each(['*/*', 'application/json', 'application/json, text/html'])('is JSON for %s', async (accept) => {
    const answer = await get('/', { Accept: accept });
    expect(await answer.json()).toMatchObject({ auth: 'off' });
    expect(Object.fromEntries(answer.headers)).toMatchObject({ vary: 'Accept', 'cache-control': 'no-store' });
  });

  it('has files that browsers keep for good', async () => {
    const answer = await get('/assets/index-1a2b.js', { Accept: '*/*' });
    expect([answer.status, await answer.text()]).toEqual([200, script]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'Accept-Encoding',
      'x-content-type-options': 'nosniff',
    });
    expect((await get('/assets/icon-3c4d.svg')).headers.get('Content-Type')).toBe('image/svg+xml; charset=utf-8');
  });

  it.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip', 'gzip'],
    ['GZIP;q=0.1, identity', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['zstd', null],
    ['br;q=0, gzip;q=0', null],
    ['', null],
  ] as const)('is compressed for Accept-Encoding: %s → %s', async (accepted, coding) => {
    const answer = await get('/assets/index-1a2b.js', { 'Accept-Encoding': accepted });
    expect(answer.headers.get('Content-Encoding')).toBe(coding);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const decode = coding === null ? null : decoders[coding];
    expect((decode?.(bytes) ?? bytes).toString()).toBe(script);
    const etag = answer.headers.get('ETag') ?? '';
    expect((await get('/assets/index-1a2b.js', { 'If-None-Match': etag })).status).toBe(304);
  });

  it('is sent as it is where it is not smaller', async () => {
    expect(
      (await get('/assets/icon-3c4d.svg', { 'Accept-Encoding': 'br, gzip' })).headers.get('Content-Encoding'),
    ).toBe(null);
  });

  it.each(['index.html', '..%2findex.html', 'index-1a2b.js.br', 'nope.js', '__proto__', '%00'])(
    'has no file %s',
    async (name) => {
      const answer = await get(`/assets/${name}`);
      expect([answer.status, answer.headers.get('Content-Type'), answer.headers.get('Cache-Control')]).toEqual([
        404,
        'application/problem+json',
        'no-store',
      ]);
    },
  );

  it('is open where the API needs keys', async () => {
    await open({ access: { auth: 'keys', adminKey: null } });
    expect([(await get('/')).status, (await get('/assets/index-1a2b.js')).status]).toEqual([200, 200]);
  });

  it('keeps a browser waiting while it is built, and nobody else', async () => {
    const { promise, resolve } = Promise.withResolvers<Page | null>();
    await open({ findPage: async () => await promise });
    const waiting = get('/');
    expect((await get('/', { Accept: '*/*' })).status).toBe(200);
    resolve(page);
    expect(await (await waiting).text()).toBe(document);
  });

  it('is JSON for browsers too where there is none', async () => {
    await open({ findPage: async () => null });
    expect(await (await get('/')).json()).toMatchObject({ auth: 'off' });
    expect((await get('/assets/index-1a2b.js')).status).toBe(404);
  });

  it.each([
    ['http://evil.example/', 421, 'The host is not this service', 'CORS_ORIGINS'],
    ['/?%3Cscript%3E', 422, 'The request is not valid', '/&#60;script&#62;: is not a known name'],
  ])('is for people, and so is an error in its place: %s', async (path, status, title, detail) => {
    const answer = await get(path);
    const text = await answer.text();
    expect([answer.status, answer.headers.get('Content-Type'), answer.headers.get('Vary')]).toEqual([
      status,
      'text/html; charset=utf-8',
      'Accept',
    ]);
    expect(text).toContain(`<h1>${title}</h1>`);
    expect(text).toContain(detail);
    expect(text).toContain(answer.headers.get('X-Request-Id'));
    const forPrograms = await get(path, { Accept: '*/*' });
    expect([forPrograms.status, forPrograms.headers.get('Content-Type'), forPrograms.headers.get('Vary')]).toEqual([
      status,
      'application/problem+json',
      'Accept',
    ]);
  });
});
