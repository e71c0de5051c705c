/** Puts a database on a disk of its own. */
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { unprivilegedAccount } from './postgres.ts';
import type { SmallDisk } from './small-disk.ts';
import { openSql } from './sql.ts';

/**
 * Moves the tables, indexes and catalog of a database. The write-ahead log stays, because a Postgres that cannot write
 * it ends.
 * @param databaseUrl  URL of a superuser. The database must have no other connection.
 */
export async function moveToDisk(databaseUrl: string, disk: SmallDisk): Promise<void> {
  const folder = join(disk.path, 'postgres');
  mkdirSync(folder);
  const account = unprivilegedAccount();
  if (account !== null) chownSync(folder, account.uid, account.gid);
  const elsewhere = new URL(databaseUrl);
  const database = elsewhere.pathname.slice(1);
  elsewhere.pathname = '/template1';
  const sql = await openSql(elsewhere.href);
  try {
    await sql.execute(`create tablespace small_disk location '${folder}'`);
    await sql.execute(`alter database ${database} set tablespace small_disk`);
  } finally {
    await sql.close();
  }
}
