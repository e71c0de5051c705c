/** The parts that tests of starts, stops and deaths of processes share. */
import { join } from 'node:path';
import type { Job, ProsemillClient } from '@prosemill/client';
import { createTestFolder } from '@prosemill/testkit';
import { expect, onTestFinished } from 'vitest';
import type { Service } from './launch.ts';

export const longRequest = { prompt: 'Once upon a time', max_new_tokens: 480, top_k: 0, temperature: 1.3 };

export async function sqliteFile(): Promise<{ readonly DATABASE_URL: string }> {
  return { DATABASE_URL: `sqlite:${join(await createTestFolder(), 'prosemill.db')}` };
}

export function stopAtEnd(service: Service): Service {
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  return service;
}

export async function submitMany(client: ProsemillClient, count: number): Promise<readonly string[]> {
  const submits = Array.from({ length: count }, async (_, seed) => await client.submit({ ...longRequest, seed }));
  return (await Promise.all(submits)).map(({ id }) => id);
}

export async function expectAllSucceed(client: ProsemillClient, ids: readonly string[]): Promise<readonly Job[]> {
  const jobs = await Promise.all(ids.map(async (id) => await client.wait(id)));
  expect(jobs.map(({ status }) => status)).toEqual(ids.map(() => 'succeeded'));
  return jobs;
}
