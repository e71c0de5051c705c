import type { Health, QueueBody } from '@prosemill/contract';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createKey } from '../auth/create-key.ts';
import { openTestApi, type TestApi, type TestApiOptions } from '../test-api.ts';

const adminKey = 'an-admin-key-for-tests-0123456789+/=';

describe('the pause of the queue', () => {
  let opened: TestApi;
  const open = async (options: TestApiOptions = {}): Promise<void> => {
    const api = await openTestApi(options);
    onTestFinished(async () => await api.close());
    opened = api;
  };
  beforeEach(async () => await open({ access: { auth: 'keys', adminKey } }));

  const ask = async (method: string, path: string, secret = adminKey): Promise<QueueBody> => {
    const answer = await opened.api.app.request(path, { method, headers: { Authorization: `Bearer ${secret}` } });
    expect(answer.status).toBe(200);
    return (await answer.json()) as QueueBody;
  };
  const makeKey = async () =>
    await createKey(opened.store.apiKeys, { owner: 'acme', name: 'night shift', scopes: ['admin'] });

  it('has its time and the key that began it, for administrators', async () => {
    const { key, secret } = await makeKey();
    const running = { paused: false, paused_at: null, paused_by: null };
    expect(await ask('GET', '/admin/queue')).toEqual(running);
    const pause = await ask('POST', '/admin/queue/pause', secret);
    expect(pause).toEqual({
      paused: true,
      paused_at: expect.any(String) as string,
      paused_by: { owner: 'acme', key: { id: key.id, name: 'night shift', prefix: secret.slice(0, 9) } },
    });
    expect(Math.abs(Date.parse(pause.paused_at ?? '') - Date.now())).toBeLessThan(60_000);
    expect(await ask('POST', '/admin/queue/pause')).toEqual(pause);
    expect(await ask('GET', '/admin/queue')).toEqual(pause);
    expect(await ask('POST', '/admin/queue/resume')).toEqual(running);
    expect(await ask('GET', '/admin/queue')).toEqual(running);
  });

  it('was begun by no stored key where none is needed, and with ADMIN_KEY', async () => {
    expect((await ask('POST', '/admin/queue/pause')).paused_by).toEqual({ owner: 'admin', key: null });
    await open();
    expect((await ask('POST', '/admin/queue/pause')).paused_by).toEqual({ owner: 'local', key: null });
  });

  it('has its time in /health, which is open to everybody, and no name', async () => {
    const { secret } = await makeKey();
    const { paused_at: pausedAt } = await ask('POST', '/admin/queue/pause', secret);
    const text = await (await opened.api.app.request('/health')).text();
    expect((JSON.parse(text) as Health).queue).toMatchObject({ paused: true, paused_at: pausedAt });
    expect(text).not.toMatch(/acme|night|pm_/);
  });
});
