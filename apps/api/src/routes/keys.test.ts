import type { KeyBody } from '@prosemill/contract';
import { type LogFields, type Logger, scopes } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../test-api.ts';

interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

const adminKey = 'x'.repeat(32);

describe('/admin/keys', () => {
  let opened: TestApi;

  const lines: (LogFields & { msg: string })[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (fields, msg) => void lines.push({ ...fields, msg }),
    child: () => logger,
  };

  beforeEach(async () => {
    lines.length = 0;
    opened = await openTestApi({ access: { auth: 'keys', adminKey }, logger });
  });
  afterEach(async () => await opened.close());

  async function ask<Body>(method: string, path: string, json?: unknown, secret = adminKey): Promise<Answer<Body>> {
    const headers = { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/json' };
    const init = { method, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) };
    const response = await opened.api.app.request(path, init);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? null : JSON.parse(text)) as Body,
    };
  }

  it('makes keys that work until they are revoked', async () => {
    const request = { owner: 'acme', name: 'website', expires_in_seconds: 3_600 };
    const { status, body } = await ask<KeyBody & { secret: string }>('POST', '/admin/keys', request);
    const { secret, ...key } = body;
    expect([status, key]).toMatchObject([201, { owner: 'acme', name: 'website', scopes: ['generate', 'read'] }]);
    expect([key.prefix, key.revoked_at]).toEqual([secret.slice(0, 9), null]);
    expect(Date.parse(key.expires_at ?? '') - Date.parse(key.created_at)).toBe(3_600_000);
    const other = await ask<{ secret: string }>('POST', '/admin/keys', { owner: 'acme', name: 'other', scopes });
    expect((await ask('GET', '/jobs', undefined, secret)).status).toBe(200);

    expect(await ask('DELETE', `/admin/keys/${key.id}`, undefined, other.body.secret)).toMatchObject({
      status: 204,
      body: null,
    });
    expect((await ask('DELETE', `/admin/keys/${key.id.toUpperCase()}`)).status).toBe(204);
    const { body: page } = await ask<{ data: KeyBody[] }>('GET', '/admin/keys');
    expect(page.data.map(({ name, revoked_at: revokedAt }) => [name, revokedAt !== null])).toEqual([
      ['other', false],
      ['website', true],
    ]);
    expect(JSON.stringify(page)).not.toContain(secret);
  });

  it('logs by which key another was made or revoked, without secrets', async () => {
    const made = await ask<KeyBody & { secret: string }>('POST', '/admin/keys', { owner: 'ops', name: 'a', scopes });
    const { id, secret } = made.body;
    const { body: other } = await ask<KeyBody>('POST', '/admin/keys', { owner: 'acme', name: 'b' }, secret);
    expect((await ask('DELETE', `/admin/keys/${other.id}`, undefined, secret)).status).toBe(204);
    const said = lines.filter(({ msg }) => msg.startsWith('an API key'));
    expect(said).toMatchObject([
      { keyId: 'ADMIN_KEY', newKeyId: id },
      { keyId: id, newKeyId: other.id },
      { keyId: id, revokedKeyId: other.id },
    ]);
    for (const part of [secret, secret.slice(3, 35), adminKey]) expect(JSON.stringify(lines)).not.toContain(part);
  });

  it('lists them page by page, newest first', async () => {
    for (const name of ['a', 'b', 'c']) await ask('POST', '/admin/keys', { owner: 'acme', name });
    const first = await ask<{ data: KeyBody[]; has_more: boolean; next_cursor: string }>('GET', '/admin/keys?limit=2');
    const next = /^<(.+)>; rel="next"$/.exec(first.headers.get('Link') ?? '')?.[1] ?? '';
    const second = await ask<typeof first.body>('GET', next);
    expect([first.body.has_more, second.body.has_more, second.body.next_cursor]).toEqual([true, false, null]);
    expect([...first.body.data, ...second.body.data].map(({ name }) => name)).toHaveLength(3);
    expect(new Set([...first.body.data, ...second.body.data].map(({ id }) => id)).size).toBe(3);
  });

  it.each([
    [{ name: 'x' }, '/owner'],
    [{ owner: 'a b', name: 'x' }, '/owner'],
    [{ owner: 'acme', name: '' }, '/name'],
    [{ owner: 'acme', name: 'x', scopes: [] }, '/scopes'],
    [{ owner: 'acme', name: 'x', scopes: ['root'] }, '/scopes/0'],
    [{ owner: 'acme', name: 'x', expires_in_seconds: 0 }, '/expires_in_seconds'],
    [{ owner: 'acme', name: 'x', secret: 'mine' }, '/secret'],
  ])('refuses %j', async (json, pointer) => {
    const { status, body } = await ask('POST', '/admin/keys', json);
    expect([status, body]).toMatchObject([422, { errors: [{ pointer }] }]);
  });

  it.each(['x', '0198c4e0-0000-7000-8000-000000000000'])('answers 404 for the key %s', async (id) => {
    expect((await ask('DELETE', `/admin/keys/${id}`)).status).toBe(404);
  });
});
