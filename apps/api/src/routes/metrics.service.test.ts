import type { KeyRequest } from '@prosemill/contract';
import { createTestDatabase, startTcpProxy } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { createKey } from '../auth/create-key.ts';
import { openTestApi, type TestApi } from '../test-api.ts';

/** The time for which a process remembers a valid key. */
const maxAgeMs = 20_000;

async function openAway() {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  const proxy = await startTcpProxy(url);
  const opened = await openTestApi({ databaseUrl: proxy.url, access: { auth: 'keys', adminKey: null } });
  onTestFinished(async () => {
    await proxy.stop();
    await opened.close();
    await drop();
  });
  const leave = (): void => {
    proxy.refuse();
    proxy.reset();
  };
  return { opened, proxy, leave };
}

const createOpsKey = async ({ store }: TestApi, rest: Partial<KeyRequest> = {}) =>
  await createKey(store.apiKeys, { owner: 'ops', name: 'prometheus', scopes: ['read', 'admin'], ...rest });

const get = async ({ api }: TestApi, path: string, secret: string): Promise<Response> =>
  await api.app.request(path, { headers: { Authorization: `Bearer ${secret}` } });

describe('GET /metrics', () => {
  // Moves only the clock of remembered keys; timers and connections go on.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  it.each(['hangs', 'is gone'])('answers while the database %s, for a key that was valid before', async (how) => {
    const { opened, proxy, leave } = await openAway();
    const { secret } = await createOpsKey(opened);
    const { secret: ending } = await createOpsKey(opened, { expires_in_seconds: maxAgeMs / 1_000 });
    for (const each of [secret, ending]) expect((await get(opened, '/metrics', each)).status).toBe(200);
    vi.advanceTimersByTime(maxAgeMs);
    if (how === 'hangs') proxy.blackHole();
    else leave();
    const begin = Date.now();
    const answer = await get(opened, '/metrics', secret);
    expect(answer.status).toBe(200);
    const numbers = await answer.text();
    expect(numbers).toContain('prosemill_waiters 0');
    expect(numbers).not.toContain('prosemill_open_jobs{');
    // Prometheus gives up after 10 s.
    expect(Date.now() - begin).toBeLessThan(8_000);
    expect((await get(opened, '/metrics', ending)).status).toBe(401);
  });

  it('is the only route that does', async () => {
    const { opened, leave } = await openAway();
    const { secret } = await createOpsKey(opened);
    const { secret: unseen } = await createOpsKey(opened);
    expect((await get(opened, '/metrics', secret)).status).toBe(200);
    vi.advanceTimersByTime(maxAgeMs);
    leave();
    const refused = [get(opened, '/metrics', unseen), get(opened, '/jobs', secret), get(opened, '/nope', secret)];
    expect((await Promise.all(refused)).map(({ status }) => status)).toEqual([503, 503, 503]);
  });

  it('refuses the key after its revocation, as soon as the database answers', async () => {
    const { opened, proxy, leave } = await openAway();
    const { key, secret } = await createOpsKey(opened);
    expect((await get(opened, '/metrics', secret)).status).toBe(200);
    vi.advanceTimersByTime(maxAgeMs);
    leave();
    expect((await get(opened, '/metrics', secret)).status).toBe(200);
    await proxy.heal();
    // The first statement may meet a connection that broke.
    await expect.poll(async () => await opened.store.apiKeys.revoke(key.id).catch(() => undefined)).not.toBeUndefined();
    expect((await get(opened, '/metrics', secret)).status).toBe(401);
  });
});
