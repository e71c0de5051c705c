/** The verbs of the client on the real service. */
import { fileURLToPath } from 'node:url';
import { createClient, type ProsemillClient } from '@prosemill/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../launch.ts';
import { launchEmbedded } from '../sizes.ts';
import { bundleClient } from './bundle-client.ts';

const request = { prompt: 'Once upon a time', max_new_tokens: 8, seed: 7 };
const adminKey = 'an-admin-key-of-at-least-32-characters';

describe('the client', () => {
  let service: Service;
  let client: ProsemillClient;
  beforeAll(async () => {
    service = await launchEmbedded({ AUTH: 'keys', ADMIN_KEY: adminKey, WORKERS: '4', RATE_LIMIT_PER_MINUTE: '0' });
    const { secret } = await createClient({ url: service.url, apiKey: adminKey }).createKey({
      owner: 'acme',
      name: 'test',
    });
    client = createClient({ url: service.url, apiKey: secret });
  });
  afterAll(async () => await service.stop());

  it('generates, and finds the text again', async () => {
    const generation = await client.generate(request);
    expect(generation).toMatchObject({ prompt: request.prompt, seed: 7, finish_reason: 'length' });
    const { job_id: id, generated_text: text } = generation;
    expect(await client.job(id)).toMatchObject({ status: 'succeeded', output: { generated_text: text } });
    expect(await client.record(generation.id)).toMatchObject({ generated_text: text });
    for await (const record of client.history()) {
      expect(record.id).toBe(generation.id);
      break;
    }
    expect((await client.events(id)).map(({ type }) => type)).toEqual(['job-queued', 'job-claimed', 'job-succeeded']);
    expect(await client.verify(id)).toMatchObject({ match: true });
  });

  it('submits, waits, and repeats', async () => {
    const { id } = await client.submit(request, { idempotencyKey: 'k' });
    expect((await client.submit(request, { idempotencyKey: 'k' })).id).toBe(id);
    const job = await client.wait(id);
    expect(job.status).toBe('succeeded');
    const again = await client.wait((await client.retry(id, { seed: 'same' })).id);
    expect(again).toMatchObject({ retry_of: id, output: { sha256: job.output?.sha256 } });
    const repetitions = await Array.fromAsync(client.jobs({ retry_of: id, status: 'succeeded' }));
    expect(repetitions.map((each) => each.id)).toEqual([again.id]);
  });

  it('streams the same text', async () => {
    const { generated_text: text } = await client.generate(request);
    let completion = '';
    for await (const event of client.stream(request)) ({ completion } = event);
    expect(request.prompt + completion).toBe(text);
  });

  it('cancels', async () => {
    const { id } = await client.submit({ ...request, max_new_tokens: 480 });
    await client.cancel(id);
    expect((await client.wait(id)).status).toBe('canceled');
  });

  it('performs a batch', async () => {
    const requests = Array.from({ length: 30 }, (_, index) => ({ ...request, metadata: { index: String(index) } }));
    const refused = { ...request, prompt: 'hate' };
    const results = await Array.fromAsync(client.batch([...requests, refused], { concurrency: 8 }));
    expect(results.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 31 }, (_, index) => index),
    );
    for (const { index, job, error } of results) {
      expect(job?.metadata['index'] ?? error?.code).toBe(index === 30 ? 'prompt_refused' : String(index));
    }
  });

  it('shows the service, and the owner of the key', async () => {
    const [index, health, me, machine] = await Promise.all([
      client.service(),
      client.health(),
      client.me(),
      client.machine(),
    ]);
    expect(index.model?.name).toBe('tiny-tales');
    expect(health.status).toBe('healthy');
    expect(me.owner).toBe('acme');
    expect(machine.workers).toHaveLength(1);
    await expect(Array.fromAsync(client.keys())).rejects.toMatchObject({ code: 'forbidden' });
    expect(await client.check(request)).toMatchObject({ valid: true });
  });

  it('lists and revokes keys', async () => {
    const admin = createClient({ url: service.url, apiKey: adminKey });
    const { id } = await admin.createKey({ owner: 'acme', name: 'old' });
    await admin.revokeKey(id);
    const keys = await Array.fromAsync(admin.keys({ limit: 1 }));
    expect(keys.find((key) => key.id === id)?.revoked_at).not.toBeNull();
    expect(keys.length).toBeGreaterThan(1);
  });
});

describe('a bundle of the client', () => {
  it('holds its own files and the parser of events, but no code of the server', async () => {
    const { modules } = await bundleClient(fileURLToPath(import.meta.resolve('@prosemill/client')));
    expect(modules.length).toBeGreaterThan(5);
    expect(modules.filter((path) => !/packages\/client\/src\/|\/eventsource-parser\//.test(path))).toEqual([]);
  });
});
