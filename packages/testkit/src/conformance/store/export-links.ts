/** Download links: one use of each, in its time. */
import { type ExportRequest, type NewExportLink, newId } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { type OpenSession, sessionPerTest } from './session.ts';

const minuteMs = 60_000;

const request: ExportRequest = {
  ownerId: 'acme',
  format: 'csv',
  search: '"old king" 👑',
  metadata: [['customer', 'a:b']],
  createdAfter: new Date('2026-01-31T12:00:00.123Z'),
  createdBefore: undefined,
};

const newLink = (changes: Partial<NewExportLink> = {}): NewExportLink => ({
  hash: newId(),
  request,
  keyId: null,
  expiresInMs: minuteMs,
  ...changes,
});

export function describeExportLinks(name: string, open: OpenSession): void {
  describe(`download links on ${name}`, () => {
    const session = sessionPerTest(open);
    const create = async (changes: Partial<NewExportLink> = {}): Promise<string> => {
      const link = newLink(changes);
      await session.store.exportLinks.create(link);
      return link.hash;
    };
    const countRows = async () => (await session.execute('select hash from export_links')).length;

    it('give their request to one of many, and to nobody else', async () => {
      const [hash] = [await create(), await create()];
      expect(await session.store.exportLinks.take(newId())).toBeNull();
      const stores = [session.store, ...session.others].flatMap((store) => [store, store]);
      const takes = await Promise.all(stores.map(async ({ exportLinks }) => await exportLinks.take(hash)));
      expect(takes.filter((taken) => taken !== null)).toEqual([request]);
      expect(await countRows()).toBe(1);
    });

    it('keep a request without filters', async () => {
      const plain: ExportRequest = { ownerId: 'local', format: 'jsonl' };
      expect(await session.store.exportLinks.take(await create({ request: plain }))).toEqual(plain);
    });

    it('expire by the clock of the database, and are deleted then', async () => {
      const expiresAt = await session.store.exportLinks.create(newLink());
      const [hash, later] = [await create(), await create({ expiresInMs: 2 * minuteMs })];
      expect(Math.abs(expiresAt.getTime() - Date.now() - minuteMs)).toBeLessThan(minuteMs / 2);
      await session.travel(minuteMs);
      expect(await session.store.exportLinks.take(hash)).toBeNull();
      await session.store.exportLinks.deleteExpired();
      expect(await countRows()).toBe(1);
      expect(await session.store.exportLinks.take(later)).toEqual(request);
    });

    it('need the key that made them, as long as it is valid', async () => {
      const key = { ownerId: 'acme', name: 'a', prefix: 'pm_abcdef', scopes: ['read' as const] };
      const makeKey = async (expiresInMs: number | null) =>
        await session.store.apiKeys.create({ ...key, id: newId(), hash: newId(), expiresInMs });
      const [valid, revoked, expired] = [await makeKey(null), await makeKey(null), await makeKey(0)];
      const [first, second, third] = [
        await create({ keyId: valid.id }),
        await create({ keyId: revoked.id }),
        await create({ keyId: expired.id }),
      ];
      await session.store.apiKeys.revoke(revoked.id);
      expect(await session.store.exportLinks.take(second)).toBeNull();
      expect(await session.store.exportLinks.take(third)).toBeNull();
      expect(await session.store.exportLinks.take(first)).toEqual(request);
    });
  });
}
