import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@prosemill/testkit';
import { type Kysely, sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../open-database.ts';
import type { Tables } from '../schema.ts';

const run = async (db: Kysely<Tables>, statement: string): Promise<readonly unknown[]> =>
  (await sql.raw(statement).execute(db)).rows;

function openFile() {
  const folder = mkdtempSync(join(tmpdir(), 'prosemill-store-'));
  const database = openDatabase({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
  onTestFinished(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  return database;
}

const readMode = async (db: Kysely<Tables>) => await run(db, 'pragma synchronous');

it('waits for the disk again after each group of statements that did not', async () => {
  const { db, dialect } = openFile();
  for (let count = 0; count < 2; count += 1) {
    expect(await dialect.lostWithProcess(db, readMode)).toEqual([{ synchronous: 1 }]);
    expect(await readMode(db)).toEqual([{ synchronous: 2 }]);
  }
});

it('runs a statement with the columns that its table has by then', async () => {
  const { db } = openFile();
  const readAll = async () => await run(db, 'select * from notes');
  await run(db, 'create table notes (a)');
  await run(db, 'insert into notes values (1)');
  expect(await readAll()).toEqual([{ a: 1 }]);
  await run(db, 'alter table notes add column b');
  expect(await readAll()).toEqual([{ a: 1, b: null }]);
});
