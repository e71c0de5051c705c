/** Databases of the run's Postgres for tests, and SQL past the store. All of it ends with the test. */
import type { Store } from '@prosemill/core';
import { createTestDatabase, silentLogger } from '@prosemill/testkit';
import { Client } from 'pg';
import { inject, onTestFinished } from 'vitest';
import { openStore } from './index.ts';

export async function openClient(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(async () => await client.end());
  return client;
}

export async function execute(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

export async function emptyDatabase(): Promise<string> {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(drop);
  return url;
}

export function openForTest(url: string): Store {
  const store = openStore({ url, logger: silentLogger });
  onTestFinished(async () => await store.stop());
  return store;
}
