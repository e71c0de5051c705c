import type { KeyRequest } from '@prosemill/contract';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSecret } from '../auth/api-key-secret.ts';
import { createKey } from '../auth/create-key.ts';
import { openTestApi, type TestApi } from '../test-api.ts';

const adminKey = 'an-admin-key-for-tests-0123456789+/=';

/** No token comes back. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

describe('a request', () => {
  let opened: TestApi;

  beforeEach(async () => {
    opened = await openTestApi({ access: { auth: 'keys', adminKey } });
  });
  afterEach(async () => await opened.close());

  const createReadKey = async (rest: Partial<KeyRequest> = {}) =>
    await createKey(opened.store.apiKeys, { owner: 'acme', name: 'key', scopes: ['read'], ...rest });

  const request = async (path: string, authorization?: string) =>
    await opened.api.app.request(path, {
      headers: { 'X-Request-Id': 'same', ...(authorization === undefined ? {} : { Authorization: authorization }) },
    });

  it('gets the same 401 for every kind of invalid key', async () => {
    const revoked = await createReadKey();
    await opened.store.apiKeys.revoke(revoked.key.id);
    const { secret: expired } = await createReadKey({ expires_in_seconds: 0 });
    const { secret } = await createReadKey();
    const wrong = [
      undefined,
      '',
      'Bearer',
      'Bearer x',
      `Basic ${secret}`,
      secret,
      `Bearer ${secret}x`,
      `Bearer ${secret} x`,
    ];
    const bearers = [revoked.secret, expired, createSecret().secret, adminKey.toUpperCase()];
    const answers = new Set<string>();
    for (const authorization of [...wrong, ...bearers.map((bearer) => `Bearer ${bearer}`)]) {
      const answer = await request('/jobs', authorization);
      expect(answer.status).toBe(401);
      answers.add(JSON.stringify([[...answer.headers], await answer.text()]));
    }
    expect(answers.size).toBe(1);
    const [answer = ''] = answers;
    expect(answer).toContain('["www-authenticate","Bearer realm=\\"prosemill\\""]');
    expect(answer).toContain('\\"code\\":\\"unauthorized\\"');
  });

  it('acts for the owner of its key, and needs the scope of its route', async () => {
    const { secret } = await createReadKey();
    expect((await request('/jobs', `Bearer ${secret}`)).status).toBe(200);
    expect((await request('/jobs', `bearer  ${secret}`)).status).toBe(200);
    expect((await request('/%6detrics', `Bearer ${secret}`)).status).toBe(403);
    const refused = await request('/metrics', `Bearer ${secret}`);
    expect([refused.status, await refused.json()]).toMatchObject([
      403,
      { code: 'forbidden', detail: 'This needs an API key with the scope admin.' },
    ]);
  });

  it('with ADMIN_KEY gets metrics, and no jobs', async () => {
    expect((await request('/metrics', `Bearer ${adminKey}`)).status).toBe(200);
    expect((await request('/jobs', `Bearer ${adminKey}`)).status).toBe(403);
  });

  it('needs no key for open routes, and one for every other path', async () => {
    for (const path of ['/docs', '/docs/scalar.js', '/openapi.json', '/health', '/livez', '/readyz']) {
      expect((await request(path, 'Bearer x')).status).toBe(200);
    }
    for (const path of ['/nope', '/health/', '/HEALTH', '/metrics', '/admin', '/admin/nope', '//health']) {
      expect((await request(path)).status).toBe(401);
    }
  });

  const guess = async (): Promise<Response> => await request('/jobs', `Bearer ${createSecret().secret}`);

  const guessAtOnce = async (count: number): Promise<readonly Response[]> =>
    await Promise.all(Array.from({ length: count }, guess));

  it('among more than 100 guesses a second gets 429, unless this process knows its key', async () => {
    stopClock();
    const { secret: known } = await createReadKey();
    expect((await request('/jobs', `Bearer ${known}`)).status).toBe(200);
    const { secret: unknown } = await createReadKey();
    const guesses = await guessAtOnce(300);
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(100);
    const refused = guesses.find(({ status }) => status !== 401);
    expect([refused?.status, refused?.headers.get('Retry-After')]).toEqual([429, '1']);
    expect(await refused?.json()).toMatchObject({ code: 'rate_limited' });
    expect((await request('/jobs', `Bearer ${unknown}`)).status).toBe(429);
    expect((await request('/jobs', `Bearer ${known}`)).status).toBe(200);
    expect((await request('/metrics', `Bearer ${adminKey}`)).status).toBe(200);
  });

  it('with a valid key that is new to this process costs no attempt', async () => {
    stopClock();
    const [last, next] = [await createReadKey(), await createReadKey()];
    expect((await guessAtOnce(99)).every(({ status }) => status === 401)).toBe(true);
    for (const { secret } of [last, next]) expect((await request('/jobs', `Bearer ${secret}`)).status).toBe(200);
  });

  it('that causes no look-up costs no attempt', async () => {
    const { secret } = await createReadKey();
    for (let attempt = 1; attempt <= 200; attempt += 1) {
      const wrong = attempt % 2 === 0 ? undefined : `Bearer ${secret}x`;
      expect((await request('/jobs', wrong)).status).toBe(401);
    }
    expect((await request('/jobs', `Bearer ${secret}`)).status).toBe(200);
  });
});

it('without keys neither a route nor the OpenAPI document asks for one', async () => {
  const opened = await openTestApi();
  for (let attempt = 0; attempt < 30; attempt += 1) {
    expect((await opened.api.app.request('/jobs', { headers: { Authorization: 'Bearer x' } })).status).toBe(200);
  }
  expect(await (await opened.api.app.request('/openapi.json')).text()).not.toContain('"security');
  await opened.close();
});
