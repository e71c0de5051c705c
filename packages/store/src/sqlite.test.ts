import { existsSync, mkdtempSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { newId, type Store } from '@prosemill/core';
import { describeStoreConformance, newJob, retentionDays, silentLogger } from '@prosemill/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from './index.ts';

describeStoreConformance('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'prosemill-store-'));
  const path = join(folder, 'test.db');
  const open = (clockOffsetMs: number): Store =>
    openStore({ url: `sqlite:${path}`, logger: silentLogger, retentionDays, clockOffsetMs });
  let clockOffsetMs = 0;
  let store = open(0);
  await store.migrate();
  return {
    get store() {
      return store;
    },
    others: [],
    async travel(offsetMs) {
      clockOffsetMs = offsetMs;
      await store.stop();
      store = open(clockOffsetMs);
    },
    async execute(statement) {
      // The file belongs to one connection at a time.
      await store.stop();
      const database = new Database(path);
      try {
        const prepared = database.prepare(statement);
        if (prepared.reader) return prepared.all() as Record<string, unknown>[];
        prepared.run();
        return [];
      } finally {
        database.close();
        store = open(clockOffsetMs);
      }
    },
    async close() {
      await store.stop();
      await rm(folder, { recursive: true });
    },
  };
});

describe('an SQLite file', () => {
  let folder: string;
  let url: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'prosemill-store-'));
    url = `sqlite:${join(folder, 'new', 'folder', 'test.db')}`;
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('belongs to one process, and says so in one line', async () => {
    const first = openStore({ url, logger: silentLogger });
    await first.migrate();
    expect(() => openStore({ url, logger: silentLogger })).toThrow(
      /^The database file .*test\.db is in use by another Prosemill process\. Stop that one, or the program that has the file open, or set DATABASE_URL to another file or to Postgres \(SQLITE_BUSY\)\.$/,
    );
    await first.stop();
    await openStore({ url, logger: silentLogger }).stop();
  });

  it('is free again after a stop, even of a store that was never used', async () => {
    await openStore({ url, logger: silentLogger }).stop();
    await expect(openStore({ url, logger: silentLogger }).stop()).resolves.toBeUndefined();
  });

  it('commits submits of one tick together; a bad one fails alone', async () => {
    const store = openStore({ url, logger: silentLogger });
    await store.migrate();
    const same = newId();
    const ids = [newId(), same, newId(), same, newId()];
    const answers = await Promise.allSettled(ids.map((id) => store.jobs.submit(newJob({ id }))));
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    const turns = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.turn] : []));
    expect(turns).toEqual([1, 2, 3, 4]);
    await store.stop();
  });

  it('is restored from a copy: of the file alone after a stop, and with its -wal after a kill', async () => {
    const path = url.slice('sqlite:'.length);
    const restore = async (name: string, suffixes: readonly string[]) => {
      const copy = join(folder, name);
      for (const suffix of suffixes) await copyFile(path + suffix, copy + suffix);
      const restored = openStore({ url: `sqlite:${copy}`, logger: silentLogger });
      await restored.requireReady();
      const { items } = await restored.jobs.list({ ownerId: 'local', after: null, limit: 10 });
      await restored.stop();
      return items;
    };
    const store = openStore({ url, logger: silentLogger });
    await store.migrate();
    for (let count = 0; count < 3; count += 1) await store.jobs.submit(newJob());
    const { items } = await store.jobs.list({ ownerId: 'local', after: null, limit: 10 });
    expect(items).toHaveLength(3);
    // Between two statements the files are as a kill leaves them.
    expect(await restore('killed.db', ['', '-wal'])).toEqual(items);
    await store.stop();
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(await restore('stopped.db', [''])).toEqual(items);
  });
});
