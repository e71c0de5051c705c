/** API keys, and their validity by the database's clock. */
import { type ApiKey, type Cursor, type NewApiKey, newId } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { type OpenSession, sessionPerTest } from './session.ts';

const hourMs = 3_600_000;
const unknownId = newId();

const newKey = (overrides: Partial<NewApiKey> = {}): NewApiKey => ({
  id: newId(),
  ownerId: 'acme',
  name: 'naïve 👩‍👩‍👧‍👦',
  hash: newId(),
  prefix: 'pm_abcdef',
  scopes: ['generate', 'read'],
  expiresInMs: null,
  ...overrides,
});

export function describeApiKeys(name: string, open: OpenSession): void {
  describe(`API keys on ${name}`, () => {
    const session = sessionPerTest(open);
    const create = async (overrides: Partial<NewApiKey> = {}): Promise<ApiKey> =>
      await session.store.apiKeys.create(newKey(overrides));
    const onlyKey = async (): Promise<ApiKey | undefined> =>
      (await session.store.apiKeys.list({ after: null, limit: 1 })).items[0];

    it('are found by the hash of their secret, and by nothing else', async () => {
      const request = newKey();
      const key = await session.store.apiKeys.create(request);
      const { hash, expiresInMs: _, ...shown } = request;
      expect(await session.store.apiKeys.findValid(hash)).toEqual({ ...shown, expiresAt: null, remainingMs: null });
      expect(await session.store.apiKeys.findValid(newId())).toBeNull();
      expect(await onlyKey()).toEqual(key);
      const times = { createdAt: expect.any(Date) as Date, expiresAt: null, revokedAt: null, lastUsedAt: null };
      expect(key).toEqual({ ...shown, ...times });
    });

    it('share no hash', async () => {
      const { hash } = newKey();
      await create({ hash });
      await expect(create({ hash })).rejects.toThrow(/unique/i);
    });

    it('expire by the clock of the database', async () => {
      const { hash } = newKey();
      await create({ hash, expiresInMs: hourMs });
      await session.travel(hourMs - 60_000);
      const { remainingMs } = (await session.store.apiKeys.findValid(hash)) ?? {};
      expect(remainingMs).toBeGreaterThan(0);
      expect(remainingMs).toBeLessThanOrEqual(60_000);
      expect(await session.store.apiKeys.hasValid()).toBe(true);
      await session.travel(hourMs);
      expect(await session.store.apiKeys.findValid(hash)).toBeNull();
      expect(await session.store.apiKeys.hasValid()).toBe(false);
    });

    it('are not valid once revoked, and a second revocation changes nothing', async () => {
      const { hash } = newKey();
      const { id } = await create({ hash });
      expect(await session.store.apiKeys.revoke(id)).toBe(true);
      const { revokedAt } = (await onlyKey()) ?? {};
      expect(revokedAt).toBeInstanceOf(Date);
      expect(await session.store.apiKeys.findValid(hash)).toBeNull();
      expect(await session.store.apiKeys.hasValid()).toBe(false);
      await session.travel(hourMs);
      expect(await session.store.apiKeys.revoke(id)).toBe(true);
      expect((await onlyKey())?.revokedAt).toEqual(revokedAt);
      expect(await session.store.apiKeys.revoke(unknownId)).toBe(false);
    });

    it('record their use once an hour', async () => {
      const { id } = await create();
      await session.store.apiKeys.recordUse(id);
      const { lastUsedAt } = (await onlyKey()) ?? {};
      expect(lastUsedAt).toBeInstanceOf(Date);
      await session.travel(hourMs - 60_000);
      await session.store.apiKeys.recordUse(id);
      expect((await onlyKey())?.lastUsedAt).toEqual(lastUsedAt);
      await session.travel(hourMs);
      await session.store.apiKeys.recordUse(id);
      expect((await onlyKey())?.lastUsedAt?.getTime()).toBeGreaterThan(lastUsedAt?.getTime() ?? 0);
    });

    it('are listed newest first, even when they share a millisecond', async () => {
      const created = await Promise.all(Array.from({ length: 7 }, () => create()));
      const seen: string[] = [];
      let after: Cursor<string> | null = null;
      for (let hasMore = true; hasMore;) {
        const page = await session.store.apiKeys.list({ after, limit: 3 });
        seen.push(...page.items.map(({ id }) => id));
        after = page.items.at(-1) ?? null;
        ({ hasMore } = page);
      }
      const newestFirst = created.toSorted(
        (a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1),
      );
      expect(seen).toEqual(newestFirst.map(({ id }) => id));
    });
  });
}
