/** The parts that tests of starts, stops and deaths of processes share. */
import { join } from 'node:path';
import type { JobBody } from '@prosemill/contract';
import { createTestFolder } from '@prosemill/testkit';
import { expect, onTestFinished } from 'vitest';
import type { Request } from './http-client.ts';
import type { Service } from './launch.ts';

export const longRequest = { prompt: 'Once upon a time', max_new_tokens: 480, top_k: 0, temperature: 1.3 };

export async function sqliteFile(): Promise<{ readonly DATABASE_URL: string }> {
  return { DATABASE_URL: `sqlite:${join(await createTestFolder(), 'prosemill.db')}` };
}

export function stopAtEnd(service: Service): Service {
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  return service;
}

export async function submitMany(request: Request, count: number): Promise<readonly string[]> {
  const submits = Array.from({ length: count }, async (_, seed) => {
    const { status, body } = await request<JobBody>('/jobs', { json: { ...longRequest, seed } });
    expect(status).toBe(202);
    return body.id;
  });
  return await Promise.all(submits);
}

export const jobOf = async (request: Request, id: string): Promise<JobBody> =>
  (await request<JobBody>(`/jobs/${id}`)).body;

export async function expectAllSucceed(request: Request, ids: readonly string[]): Promise<readonly JobBody[]> {
  const states = async () => await Promise.all(ids.map(async (id) => (await jobOf(request, id)).status));
  await expect.poll(states, { timeout: 60_000 }).toEqual(ids.map(() => 'succeeded'));
  return await Promise.all(ids.map((id) => jobOf(request, id)));
}
