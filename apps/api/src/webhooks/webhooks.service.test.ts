import type { DeliveryBody, JobBody, Problem, SecretsBody } from '@prosemill/contract';
import { newId, type Store, webhookEvents } from '@prosemill/core';
import { newJob, type ReceivedMessage, startNameServer, startReceiver } from '@prosemill/testkit';
import type { ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endNext, openTestApi, type TestApi } from '../test-api.ts';
import type { SendMessageOptions } from './send-message.ts';

async function open(webhooks: SendMessageOptions = { isGuarded: false }): Promise<TestApi> {
  const opened = await openTestApi({ webhooks });
  onTestFinished(async () => await opened.close());
  return opened;
}

async function post({ api }: TestApi, path: string, json?: object): Promise<Response> {
  const content =
    json === undefined ? {} : { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } };
  return await api.app.request(path, { method: 'POST', ...content });
}

const bodyOf = async <Body>(response: Response): Promise<Body> => (await response.json()) as Body;

const get = async <Body>({ api }: TestApi, path: string): Promise<Body> =>
  (await (await api.app.request(path)).json()) as Body;

/** Submits a job with a receiver, and ends it. */
async function endJob(opened: TestApi, url: string, more: object = {}): Promise<JobBody> {
  const body = await bodyOf<JobBody>(
    await post(opened, '/jobs', { prompt: 'Wombats dream of', webhook_url: url, ...more }),
  );
  await endNext(opened.store);
  return await get<JobBody>(opened, `/jobs/${body.id}`);
}

/** Submits a job for each receiver, and ends them. */
async function endAll({ jobs }: Store, urls: readonly string[], ownerId = 'local'): Promise<void> {
  for (const url of urls) {
    const { id } = await jobs.submit(newJob({ ownerId, webhook: { url, events: webhookEvents } }));
    await jobs.requestCancel(ownerId, id);
  }
}

const deliveriesOf = async (opened: TestApi, { urls }: JobBody) =>
  (await get<{ data: readonly DeliveryBody[] }>(opened, urls.deliveries)).data;

async function firstAttempt(opened: TestApi, job: JobBody) {
  await expect.poll(async () => (await deliveriesOf(opened, job))[0]?.log.length, { timeout: 10_000 }).toBe(1);
  return (await deliveriesOf(opened, job))[0];
}

const secretsOf = async (opened: TestApi) => await get<SecretsBody>(opened, '/webhooks/secret');
const verify = (secret: string, { body, headers }: ReceivedMessage) =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

describe('a webhook', () => {
  it('is a signed message with the job, which the package of Standard Webhooks verifies, also after a rotation', async () => {
    const [opened, receiver] = [await open(), await startReceiver()];
    const { secret } = await secretsOf(opened);
    const job = await endJob(opened, `${receiver.url}/in`);
    expect(job).toMatchObject({
      webhook_url: `${receiver.url}/in`,
      webhook_events: expect.arrayContaining(['job.failed']),
    });
    const delivery = await firstAttempt(opened, job);
    const [message] = receiver.messages as readonly [ReceivedMessage];
    expect(verify(secret, message)).toEqual({ type: 'job.succeeded', timestamp: job.finished_at, data: job });
    expect(message.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Prosemill/0',
      'webhook-id': delivery?.id,
    });
    expect(delivery).toMatchObject({ state: 'delivered', attempts: 1, log: [{ error: null, status_code: 204 }] });

    const rotated = await bodyOf<SecretsBody>(await post(opened, '/webhooks/secret/rotate'));
    expect([rotated.previous, rotated.secret === secret]).toEqual([secret, false]);
    expect(await secretsOf(opened)).toEqual(rotated);
    await firstAttempt(opened, await endJob(opened, receiver.url));
    const later = receiver.messages[1] as ReceivedMessage;
    for (const each of [secret, rotated.secret]) expect(verify(each, later)).toMatchObject({ type: 'job.succeeded' });
    expect(() => verify(`whsec_${Buffer.from('x'.repeat(32)).toString('base64')}`, later)).toThrow(/signature/i);
    expect(() => verify(secret, { ...later, body: `${later.body} ` })).toThrow(/signature/i);
  });

  it('tells the events that were asked for', async () => {
    const [opened, receiver] = [await open(), await startReceiver()];
    const quiet = await endJob(opened, receiver.url, { webhook_events: ['job.failed', 'job.canceled'] });
    expect(await deliveriesOf(opened, quiet)).toEqual([]);
    expect(quiet.webhook_events).toEqual(['job.failed', 'job.canceled']);
    const body = await bodyOf<JobBody>(await post(opened, '/jobs', { prompt: 'a', webhook_url: receiver.url }));
    await post(opened, body.urls.cancel);
    expect(await firstAttempt(opened, body)).toMatchObject({ event: 'job.canceled', state: 'delivered' });
    const again = await bodyOf<JobBody>(await post(opened, body.urls.retry));
    expect(again.webhook_url).toBe(receiver.url);
  });

  it('is sent again on request, with the same id', async () => {
    const [opened, receiver] = [await open(), await startReceiver()];
    const job = await endJob(opened, receiver.url);
    const delivery = await firstAttempt(opened, job);
    const answer = await post(opened, `${job.urls.deliveries}/${delivery?.id}/redeliver`);
    const [status, body] = [answer.status, await bodyOf<DeliveryBody>(answer)];
    expect([status, body]).toMatchObject([202, { id: delivery?.id, state: 'pending' }]);
    await expect.poll(() => receiver.messages.length, { timeout: 10_000 }).toBe(2);
    expect(new Set(receiver.messages.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([delivery?.id]));
    for (const id of [newId(), 'nonsense', job.id]) {
      expect((await post(opened, `${job.urls.deliveries}/${id}/redeliver`)).status).toBe(404);
    }
  });

  it('that waits while its job is deleted tells the end, and nothing of the text', async () => {
    const opened = await open();
    let answers = 0;
    const receiver = await startReceiver((response) => void response.writeHead((answers += 1) === 1 ? 500 : 204).end());
    const job = await endJob(opened, receiver.url, { metadata: { topic: 'wombats' } });
    await firstAttempt(opened, job);
    expect((await opened.api.app.request(`/jobs/${job.id}`, { method: 'DELETE' })).status).toBe(204);
    await expect.poll(() => receiver.messages.length, { timeout: 15_000 }).toBe(2);
    const [whole, purged] = receiver.messages as readonly [ReceivedMessage, ReceivedMessage];
    expect(verify((await secretsOf(opened)).secret, whole)).toMatchObject({ data: job });
    expect(verify((await secretsOf(opened)).secret, purged)).toEqual({
      type: 'job.succeeded',
      timestamp: expect.any(String),
      data: { id: job.id, object: 'job', status: 'succeeded', deleted: true },
    });
    expect(purged.headers['webhook-id']).toBe(whole.headers['webhook-id']);
  });

  it('is tried again no earlier than its receiver asks', async () => {
    const receiver = await startReceiver((response) => void response.writeHead(503, { 'Retry-After': '7200' }).end());
    const opened = await open();
    const delivery = await firstAttempt(opened, await endJob(opened, receiver.url));
    expect(delivery).toMatchObject({ state: 'failing', log: [{ error: 'bad_status', status_code: 503 }] });
    const pauseMs = Date.parse(delivery?.next_attempt_at ?? '') - Date.parse(delivery?.log[0]?.at ?? '');
    expect(pauseMs).toBeGreaterThanOrEqual(7_200_000);
  });

  it('does not follow a redirect, and shows it', async () => {
    const target = await startReceiver();
    const receiver = await startReceiver((response) => void response.writeHead(307, { Location: target.url }).end());
    const opened = await open();
    const job = await endJob(opened, receiver.url);
    expect(await firstAttempt(opened, job)).toMatchObject({
      state: 'failing',
      next_attempt_at: expect.any(String),
      log: [{ error: 'redirected', status_code: 307, location: target.url }],
    });
    expect(target.messages).toEqual([]);
  });

  it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])('to %s is refused, and shown', async (host) => {
    const [opened, receiver] = [await open({ isGuarded: true }), await startReceiver()];
    const job = await endJob(opened, `http://${host}:${receiver.port}/`);
    expect(await firstAttempt(opened, job)).toMatchObject({ state: 'failing', log: [{ error: 'address_refused' }] });
    const body = await bodyOf<object>(
      await post(opened, '/webhooks/test', { url: `http://${host}:${receiver.port}/` }),
    );
    expect(body).toMatchObject({ delivered: false, error: 'address_refused', status_code: null });
    expect(receiver.messages).toEqual([]);
  });

  it('to a receiver that never answers holds up no other, and no job', async () => {
    const [dead, alive, opened] = [await startReceiver(() => undefined), await startReceiver(), await open()];
    for (let count = 0; count < 40; count += 1) await endJob(opened, dead.url);
    const jobs = [];
    for (let count = 0; count < 10; count += 1) jobs.push(await endJob(opened, alive.url));
    await expect.poll(() => alive.messages.length, { timeout: 10_000 }).toBe(10);
    // The bound of attempts for a host without an answer.
    expect(dead.messages).toHaveLength(1);
    for (const job of jobs) expect(await firstAttempt(opened, job)).toMatchObject({ state: 'delivered' });
    expect((await endJob(opened, dead.url)).status).toBe('succeeded');
  });

  it('to a name whose address has become a private one is refused, and shown', async () => {
    const receiver = await startReceiver();
    // Nobody listens at the first address, which is public.
    const { address, asked } = await startNameServer(() => [asked.length > 2 ? '127.0.0.1' : '192.88.100.1']);
    const opened = await open({ isGuarded: true, nameServers: [address], timeoutMs: 500 });
    const job = await endJob(opened, `http://rebinding.example:${receiver.port}/`);
    const { id, log } = (await firstAttempt(opened, job)) as DeliveryBody;
    expect(log[0]?.error).toMatch(/timed_out|connection_failed/);
    await post(opened, `${job.urls.deliveries}/${id}/redeliver`);
    const lastError = async () => (await deliveriesOf(opened, job))[0]?.log[1]?.error;
    await expect.poll(lastError, { timeout: 10_000 }).toBe('address_refused');
    expect(receiver.messages).toEqual([]);
  });

  it('of two owners with four dead receivers each hold up no other receiver and no other owner', async () => {
    const [alive, opened] = [await startReceiver(), await open()];
    const dead = await Promise.all(Array.from({ length: 8 }, async () => await startReceiver(() => undefined)));
    for (const [index, { url }] of dead.entries()) {
      await endAll(opened.store, Array<string>(8).fill(url), index < 4 ? 'ann' : 'bob');
    }
    for (const ownerId of ['ann', 'bob', 'cat']) await endAll(opened.store, [alive.url], ownerId);
    await expect.poll(() => alive.messages.length, { timeout: 10_000 }).toBe(3);
    // A place for each of the eight.
    await expect.poll(() => dead.flatMap(({ messages }) => messages).length).toBe(8);
  });

  it('to a receiver that has answered is not held up by any number of dead ones of its owner', async () => {
    const [dead, alive, opened] = [await startReceiver(() => undefined), await startReceiver(), await open()];
    await firstAttempt(opened, await endJob(opened, alive.url));
    const urls = Array.from({ length: 140 }, (_, index) => `http://dead-${index}.localhost:${dead.port}/`);
    await endAll(opened.store, [...urls, alive.url]);
    await expect.poll(() => alive.messages.length, { timeout: 10_000 }).toBe(2);
    // The places of an owner for hosts without an answer.
    await expect.poll(() => dead.messages.length).toBe(86);
  });

  it('to a receiver whose last message had no answer waits for the one under way', async () => {
    const [alive, opened] = [await startReceiver(), await open()];
    const broken = await startReceiver((response) => void (broken.messages.length === 1 && response.destroy()));
    await firstAttempt(opened, await endJob(opened, broken.url));
    await endAll(opened.store, [...Array<string>(5).fill(broken.url), alive.url]);
    await expect.poll(() => alive.messages.length, { timeout: 10_000 }).toBe(1);
    await expect.poll(() => broken.messages.length, { timeout: 10_000 }).toBeGreaterThan(1);
    expect(broken.messages).toHaveLength(2);
  });

  it('is delivered soon also when many wait for one receiver', async () => {
    const [opened, receiver] = [await open(), await startReceiver()];
    for (let count = 0; count < 100; count += 1) await endJob(opened, receiver.url);
    await expect.poll(() => receiver.messages.length, { timeout: 20_000 }).toBe(100);
    expect(new Set(receiver.messages.map(({ headers }) => headers['webhook-id'])).size).toBe(100);
  });

  it('can be tried out', async () => {
    const [opened, receiver] = [await open(), await startReceiver()];
    const body = await bodyOf<{ id: string }>(await post(opened, '/webhooks/test', { url: receiver.url }));
    expect(body).toMatchObject({ delivered: true, error: null, status_code: 204 });
    const [message] = receiver.messages as readonly [ReceivedMessage];
    expect(message.headers['webhook-id']).toBe(body.id);
    expect(verify((await secretsOf(opened)).secret, message)).toMatchObject({ type: 'webhook.test', data: {} });
  });

  it('can be tried out by one request for a new host at once, then by eight, and no more', async () => {
    const answers: ServerResponse[] = [];
    const [opened, receiver] = [await open(), await startReceiver((response) => void answers.push(response))];
    const url = receiver.url.replace('http', 'HTTP');
    for (const places of [1, 8]) {
      const tests = Array.from({ length: 12 }, async () => await post(opened, '/webhooks/test', { url }));
      await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(places);
      for (const answer of answers.splice(0)) answer.writeHead(204).end();
      const ended = await Promise.all(tests);
      const countOf = (status: number) => ended.filter((answer) => answer.status === status).length;
      expect([countOf(200), countOf(429)]).toEqual([places, 12 - places]);
    }
  });

  it('that fails is in the list of operators, without texts and URLs', async () => {
    const opened = await open();
    const receiver = await startReceiver((response) => void response.writeHead(500).end());
    const job = await endJob(opened, `${receiver.url}/a-secret-path`);
    await firstAttempt(opened, job);
    const page = await get<object>(opened, '/admin/deliveries?state=failing');
    expect(page).toMatchObject({
      data: [
        {
          job_id: job.id,
          owner: 'local',
          host: `127.0.0.1:${receiver.port}`,
          state: 'failing',
          last: { status_code: 500 },
        },
      ],
    });
    expect(JSON.stringify(page)).not.toMatch(/secret-path|ombat/);
    expect(await get<object>(opened, '/admin/deliveries?state=delivered')).toMatchObject({ data: [] });
  });

  it.each([
    [{ webhook_url: 'ftp://hooks.example/' }, '/webhook_url'],
    [{ webhook_url: 'hooks.example' }, '/webhook_url'],
    [{ webhook_url: 'https://user:password@hooks.example/' }, '/webhook_url'],
    [{ webhook_url: 'https://user@hooks.example/' }, '/webhook_url'],
    [{ webhook_url: `https://hooks.example/${'x'.repeat(2_048)}` }, '/webhook_url'],
    [{ webhook_url: 'http://[::1/' }, '/webhook_url'],
    [{ webhook_url: 'https://hooks.example', webhook_events: [] }, '/webhook_events'],
    [{ webhook_url: 'https://hooks.example', webhook_events: ['job.started'] }, '/webhook_events/0'],
    [{ webhook_events: ['job.failed'] }, '/webhook_events'],
  ])('is refused as %j', async (fields, pointer) => {
    const opened = await open();
    for (const [path, json, prefix] of [
      ['/jobs', { prompt: 'a', ...fields }, ''],
      ['/batches', { requests: [{ custom_id: 'a', prompt: 'a', ...fields }] }, '/requests/0'],
    ] as const) {
      const answer = await post(opened, path, json);
      const [status, body] = [answer.status, await bodyOf<Problem>(answer)];
      expect([status, body.errors.map((error) => error.pointer)]).toEqual([422, [prefix + pointer]]);
    }
  });
});
