import { type ApiKeyStore, newId } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../test-api.ts';
import { KnownKeys } from './known-keys.ts';

describe('the cache of API keys', () => {
  let opened: TestApi;
  let time: number;
  let questions: number;
  let knownKeys: KnownKeys;

  beforeEach(async () => {
    opened = await openTestApi();
    time = 0;
    questions = 0;
    const keys: ApiKeyStore = {
      ...opened.store.apiKeys,
      findValid(hash) {
        questions += 1;
        return opened.store.apiKeys.findValid(hash);
      },
    };
    knownKeys = new KnownKeys({ keys, logger: silentLogger, maxKeys: 2, now: () => time });
  });
  afterEach(async () => await opened.close());

  async function create(expiresInMs: number | null = null): Promise<{ id: string; hash: string }> {
    const key = { id: newId(), hash: newId(), ownerId: 'acme', name: '', prefix: 'pm_' };
    await opened.store.apiKeys.create({ ...key, scopes: ['read'], expiresInMs });
    return key;
  }

  it('asks the database once in 20 s for any number of requests', async () => {
    const { id, hash } = await create();
    const callers = await Promise.all(Array.from({ length: 50 }, async () => await knownKeys.find(hash)));
    for (const caller of callers) expect(caller).toMatchObject({ ownerId: 'acme', keyId: id, scopes: ['read'] });
    time += 19_999;
    await knownKeys.find(hash);
    expect(questions).toBe(1);
    time += 1;
    await knownKeys.find(hash);
    expect(questions).toBe(2);
  });

  it('forgets a key within 20 s of its revocation', async () => {
    const { id, hash } = await create();
    await knownKeys.find(hash);
    await opened.store.apiKeys.revoke(id);
    time += 20_000;
    expect(knownKeys.has(hash)).toBe(true);
    expect(await knownKeys.find(hash)).toBeNull();
    expect(knownKeys.has(hash)).toBe(false);
  });

  it('forgets a key at once if this process revokes it, even if an older look-up ends later', async () => {
    const { id, hash } = await create();
    const read = Promise.withResolvers<void>();
    const late = Promise.withResolvers<void>();
    const findValid: ApiKeyStore['findValid'] = async (asked) => {
      const key = await opened.store.apiKeys.findValid(asked);
      read.resolve();
      if (key !== null) await late.promise;
      return key;
    };
    knownKeys = new KnownKeys({ keys: { ...opened.store.apiKeys, findValid }, logger: silentLogger });
    const older = knownKeys.find(hash);
    await read.promise;
    await opened.store.apiKeys.revoke(id);
    knownKeys.forget(id);
    expect(await knownKeys.find(hash)).toBeNull();
    late.resolve();
    await older;
    expect(await knownKeys.find(hash)).toBeNull();
  });

  it('forgets a key when it expires, even if the look-up is recent', async () => {
    const { hash } = await create(10_000);
    await knownKeys.find(hash);
    time += 9_000;
    await knownKeys.find(hash);
    expect(questions).toBe(1);
    time += 1_000;
    await knownKeys.find(hash);
    expect(questions).toBe(2);
  });

  it('does not remember texts that are no key', async () => {
    expect(await knownKeys.find(newId())).toBeNull();
    expect(await knownKeys.find(newId())).toBeNull();
    expect(questions).toBe(2);
  });

  it('evicts the key that was looked up longest ago', async () => {
    const [first, second, third] = [await create(), await create(), await create()];
    for (const { hash } of [first, second]) await knownKeys.find(hash);
    time += 20_000;
    for (const { hash } of [first, third]) await knownKeys.find(hash);
    expect([first, second, third].map(({ hash }) => knownKeys.has(hash))).toEqual([true, false, true]);
  });

  it('records the use of a key', async () => {
    const { hash } = await create();
    await knownKeys.find(hash);
    const page = { after: null, limit: 1 };
    await expect.poll(async () => (await opened.store.apiKeys.list(page)).items[0]?.lastUsedAt).toBeInstanceOf(Date);
  });
});
