import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
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
});
