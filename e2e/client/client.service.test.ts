/** The verbs of the client on the real service. */
import { fileURLToPath } from 'node:url';
import {
  type ApiKey,
  type BatchItem,
  createClient,
  type Job,
  type NewApiKey,
  type ProsemillClient,
} from '@prosemill/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCheckedClient } from '../http-client.ts';
import type { Service } from '../launch.ts';
import { launchEmbedded } from '../sizes.ts';
import { bundleClient } from './bundle-client.ts';
import { endOf, startCommand } from './command-process.ts';

const request = { prompt: 'Once upon a time', max_new_tokens: 8, seed: 7 };
const adminKey = 'an-admin-key-of-at-least-32-characters';

const itemsWith = (tokens: number): readonly BatchItem[] =>
  ['a', 'b'].map((name) => ({ prompt: 'Once', max_new_tokens: tokens, custom_id: name, metadata: { name } }));

describe('the client', () => {
  let service: Service;
  let client: ProsemillClient;
  let admin: ProsemillClient;
  beforeAll(async () => {
    service = await launchEmbedded({ AUTH: 'keys', ADMIN_KEY: adminKey, WORKERS: '4', RATE_LIMIT_PER_MINUTE: '0' });
    admin = await createCheckedClient(service.url, { apiKey: adminKey });
    const { secret } = await admin.createKey({ owner: 'acme', name: 'test' });
    client = await createCheckedClient(service.url, { apiKey: secret });
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

  it('finds, exports and deletes', async () => {
    const submitted = { ...request, prompt: 'A fox in the snow', metadata: { customer: '4711' } };
    const { id } = await client.wait((await client.submit(submitted)).id);
    const filters = { metadata: ['customer:4711'], created_after: new Date(0) };
    const idsOf = async () => ({
      found: (await Array.fromAsync(client.search('"SNOW"', filters))).map((job) => job.id),
      exported: (await Array.fromAsync(client.export({ ...filters, q: 'fox snow' }))).map((text) => text.job_id),
    });
    expect(await idsOf()).toEqual({ found: [id], exported: [id] });
    await client.delete(id);
    expect(await idsOf()).toEqual({ found: [], exported: [] });
    await expect(client.job(id)).rejects.toMatchObject({ code: 'gone' });
  });

  it('submits a batch, waits for it, and cancels another', async () => {
    const items = itemsWith(4);
    const { id } = await client.submitBatch(items, { idempotencyKey: 'batch' });
    expect((await client.submitBatch(items, { idempotencyKey: 'batch' })).id).toBe(id);
    expect(await client.waitForBatch(id)).toMatchObject({ status: 'ended', counts: { succeeded: 2 } });
    const jobs = await Array.fromAsync(client.jobs({ batch_id: id }));
    expect(new Set(jobs.map((job) => job.custom_id))).toEqual(new Set(['a', 'b']));
    const long = await client.submitBatch(itemsWith(480));
    await client.cancelBatch(long.id);
    expect((await client.waitForBatch(long.id)).counts.canceled).toBe(2);
    expect(await client.getBatch(id)).toMatchObject({ id, status: 'ended' });
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

  it('reads pages, and knows one that is unchanged', async () => {
    for (const _ of [1, 2]) await client.wait((await client.submit(request)).id);
    const list = client.jobs({ limit: 1 });
    const newest = await list.page();
    expect(newest).toMatchObject({ data: [{ object: 'job' }], has_more: true });
    expect(await list.page({ known: newest })).toBe(newest);
    const older = await list.page({ cursor: newest.next_cursor });
    expect(older.data[0]?.id).not.toBe(newest.data[0]?.id);
    await client.wait((await client.submit(request)).id);
    expect(await list.page({ known: newest })).not.toBe(newest);
    const batch = await client.waitForBatch((await client.submitBatch(itemsWith(4))).id);
    expect(await client.getBatch(batch.id, { known: batch })).toBe(batch);
  });

  it('gives the events of two jobs in one connection', async () => {
    const jobs = [await client.submit(request), await client.submit(request)];
    const events = await client.live({ job: jobs.map(({ id }) => id) });
    const completed = (await Array.fromAsync(events)).flatMap((event) =>
      typeof event !== 'number' && event.event === 'completed' ? [(JSON.parse(event.data) as Job).id] : [],
    );
    expect(completed.toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
  });

  it('makes a link that downloads an export without a key', async () => {
    const { job_id: id } = await client.generate(request);
    const { url } = await client.exportLink({ format: 'jsonl' });
    expect(await (await fetch(service.url + url)).text()).toContain(id);
  });

  it('pauses the queue, and shows webhooks and sends them again', async () => {
    expect((await admin.pauseQueue()).paused).toBe(true);
    expect((await admin.queue()).paused).toBe(true);
    const { id } = await client.submit({ ...request, webhook_url: 'https://receiver.invalid/' });
    expect(await client.deliveries(id)).toEqual([]);
    expect((await admin.resumeQueue()).paused).toBe(false);
    await client.wait(id);
    const [delivery] = await client.deliveries(id);
    expect(delivery).toMatchObject({ job_id: id, event: 'job.succeeded' });
    expect(await client.redeliver({ job_id: id, id: delivery?.id ?? '' })).toMatchObject({ id: delivery?.id });
    const all = await Array.fromAsync(admin.allDeliveries({ limit: 1 }));
    expect(all.map((each) => each.id)).toEqual([delivery?.id]);
  });

  it('lists and revokes keys', async () => {
    const { id } = await admin.createKey({ owner: 'acme', name: 'old' });
    await admin.revokeKey(id);
    const keys = await Array.fromAsync(admin.keys({ limit: 1 }));
    expect(keys.find((key) => key.id === id)?.revoked_at).not.toBeNull();
    expect(keys.length).toBeGreaterThan(1);
  });

  it('has keys in its command line', async () => {
    const run = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await endOf(startCommand(['keys', ...args, '--key', adminKey], service));
      expect([code, stderr]).toEqual([0, '']);
      return stdout;
    };
    const created = await run('create', '--owner', 'acme', '--name', 'site', '--expires-in-days', '0.5', '--json');
    const { id, secret, expires_at: expiresAt } = JSON.parse(created) as NewApiKey;
    expect(Date.parse(expiresAt ?? '') - Date.now()).toBeCloseTo(43_200_000, -6);
    expect((await createClient({ url: service.url, apiKey: secret }).me()).owner).toBe('acme');
    const list = async () => (await run('list', '--json')).split('\n', 1).map((line) => JSON.parse(line) as ApiKey)[0];
    expect(await list()).toMatchObject({ id, owner: 'acme', name: 'site', revoked_at: null });
    expect(JSON.parse(await run('revoke', id, '--json'))).toEqual({ id, revoked: true });
    expect(await list()).toMatchObject({ id, revoked_at: expect.any(String) });
    expect(await run('list')).toMatch(new RegExp(`^KEY .*\n${id} .* revoked +site\n`));
    expect(await run('create', '--owner', 'acme', '--name', 'plain')).toMatch(/^pm_\S+\n$/);
  });
});

describe('a bundle of the client', () => {
  it('holds its own files and the parser of events, but no code of the server', async () => {
    const { modules } = await bundleClient(fileURLToPath(import.meta.resolve('@prosemill/client')));
    expect(modules.length).toBeGreaterThan(5);
    expect(modules.filter((path) => !/packages\/client\/src\/|\/eventsource-parser\//.test(path))).toEqual([]);
  });
});
