/** Databases of an older version with its answers about them. make-data.ts has made them. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { openSql } from '@prosemill/testkit';

export const databases = ['sqlite', 'postgres'] as const;
export type Database = (typeof databases)[number];

export interface OldKey {
  readonly owner: string;
  readonly secret: string;
  readonly scopes: readonly string[];
  readonly isRevoked: boolean;
}

/** A request with an Idempotency-Key. */
export interface OldRequest {
  readonly secret: string;
  readonly key: string;
  readonly json: Readonly<Record<string, unknown>>;
  readonly jobId: string;
  /** Whether the job had given its key back. */
  readonly isReleased: boolean;
}

/** An answer that must stay the same. */
export interface OldAnswer {
  readonly secret: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface OldData {
  readonly adminKey: string;
  readonly keys: readonly OldKey[];
  readonly requests: readonly OldRequest[];
  /** The old version's answers about ended jobs and their texts. */
  readonly answers: readonly OldAnswer[];
  readonly queuedIds: readonly string[];
  /** The id of a job whose worker was killed. */
  readonly runningId: string;
}

const fileOf = (name: string): string => fileURLToPath(new URL(`../test-data/upgrade/${name}`, import.meta.url));

export const dataFile = (database: Database): string => fileOf(database === 'sqlite' ? 'sqlite.db.gz' : 'postgres.sql');

const answersFile = (database: Database): string => fileOf(`${database}.json`);

export const readOldData = async (database: Database): Promise<OldData> =>
  JSON.parse(await readFile(answersFile(database), 'utf8')) as OldData;

export async function writeOldData(database: Database, data: OldData): Promise<void> {
  await writeFile(answersFile(database), `${JSON.stringify(data, null, 2)}\n`);
}

/** @param url  An empty Postgres database, or `sqlite:PATH` of a file that does not exist. */
export async function loadOldDatabase(url: string): Promise<void> {
  if (url.startsWith('sqlite:')) {
    await writeFile(url.slice('sqlite:'.length), gunzipSync(await readFile(dataFile('sqlite'))));
    return;
  }
  const sql = await openSql(url);
  await sql.execute(await readFile(dataFile('postgres'), 'utf8'));
  await sql.close();
}
