import { join } from 'node:path';
import { createTestFolder, silentLogger } from '@prosemill/testkit';
import { type Kysely, sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from './open-database.ts';
import type { Tables } from './schema.ts';

async function waitsForDisk(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ synchronous: number }>`pragma synchronous`.execute(db);
  return rows[0]?.synchronous === 2;
}

it('SQLite waits for the disk at every commit but those that may be lost with the process', async () => {
  const url = `sqlite:${join(await createTestFolder(), 'test.db')}`;
  const database = openDatabase({ url, logger: silentLogger });
  onTestFinished(async () => await database.close());
  const { db, dialect } = database;
  const answers = [waitsForDisk(db), dialect.lostWithProcess(db, waitsForDisk), waitsForDisk(db)];
  expect(await Promise.all(answers)).toEqual([true, false, true]);
  const failed = dialect.lostWithProcess(db, async (connection) => await sql`select nothing`.execute(connection));
  await expect(failed).rejects.toThrow('nothing');
  expect(await waitsForDisk(db)).toBe(true);
});
