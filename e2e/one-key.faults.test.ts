/** One Idempotency-Key, many requests at once, two API processes: one job, and one answer. */
import type { JobBody } from '@prosemill/contract';
import { createTestDatabase } from '@prosemill/testkit';
import { expect, inject, it, onTestFinished } from 'vitest';
import { createClient } from './http-client.ts';
import { launchSeparate, ServiceProcess, testEnvironment, whenListening } from './launch.ts';
import { stopAtEnd } from './lifecycle.ts';

const requests = 100;

it(`${requests} requests with one key to two API processes at once are one job, one generation and equal answers`, async () => {
  const database = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(database.drop);
  const environment = { DATABASE_URL: database.url };
  const first = stopAtEnd(await launchSeparate(environment));
  const second = new ServiceProcess('apps/api/src/main.ts', { ...testEnvironment, ...environment });
  const { url } = stopAtEnd(await whenListening([second], second));
  const clients = [await createClient(first.url), await createClient(url)] as const;

  const answers = await Promise.all(
    Array.from({ length: requests }, async (_, index) => {
      const client = clients[index % 2 === 0 ? 0 : 1];
      const json = { prompt: 'Once upon a time', max_new_tokens: 40 };
      return await client('/generate', { json, headers: { 'Idempotency-Key': 'one' } });
    }),
  );
  expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
  expect(answers[0]?.status).toBe(200);
  expect(answers.filter(({ headers }) => headers.get('Idempotent-Replayed') === null)).toHaveLength(1);

  const [request] = clients;
  const { body: jobs } = await request<{ data: JobBody[] }>('/jobs');
  expect(jobs.data.map(({ id, attempt }) => ({ id, attempt }))).toEqual([
    { id: answers[0]?.body['job_id'], attempt: 1 },
  ]);
  expect((await request<unknown[]>('/history')).body).toHaveLength(1);
});
