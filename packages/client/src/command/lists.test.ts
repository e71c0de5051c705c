import { expect, it } from 'vitest';
import { createClient } from '../index.ts';
import { createTestService, json, testJob } from '../test-service.ts';
import type { Context } from './context.ts';
import { OutputClosed } from './exit-codes.ts';
import { listJobs, showStatus } from './lists.ts';

it('writes jobs as they come, and asks for no more when its reader has left', async () => {
  const page = { data: [testJob(), testJob()], has_more: true, next_cursor: 'c' };
  const service = createTestService(json(page), json(page), json(page));
  const written: unknown[] = [];
  const writeJson = async (value: unknown): Promise<void> => {
    written.push(value);
    if (written.length === 3) throw new OutputClosed();
    await Promise.resolve();
  };
  const context = { client: createClient(service), interrupted: new AbortController().signal, isJson: true };
  const listing = listJobs({ ...context, output: { writeJson } } as unknown as Context, {}, 1_000_000);
  await expect(listing).rejects.toThrow(OutputClosed);
  expect(service.requests).toHaveLength(2);
});

it('shows no status of another server', async () => {
  const client = createClient(createTestService(json({}), json({})));
  const context = { clientFor: () => client, interrupted: new AbortController().signal, isJson: true };
  await expect(showStatus(context as unknown as Context)).rejects.toMatchObject({ code: 'malformed_answer' });
});
