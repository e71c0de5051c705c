/**
 * Every route of /openapi.json × every way to lack the right to it. A new route is tested as soon as it is documented.
 */
import { setImmediate } from 'node:timers/promises';
import { newId, type Scope, scopes } from '@prosemill/core';
import { createTestDatabase } from '@prosemill/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createSecret } from './api-key-secret.ts';
import { createKey } from './create-key.ts';
import { endNext, openTestApi, readyWorker, succeededWith, testModel, type TestApi } from '../test-api.ts';

interface Operation {
  readonly method: string;
  readonly path: string;
  /** One of them is enough. `any`: every valid key. Null: open to everybody. */
  readonly scopes: readonly Scope[] | 'any' | null;
  /** The example of its body. */
  readonly body: unknown;
}

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly example?: unknown }>> };
}

interface OpenApiOperation {
  readonly security: readonly { readonly apiKey: readonly Scope[] }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: { $ref: string } } } };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

const adminKey = 'an-admin-key-for-tests-0123456789+/=';
const access = { auth: 'keys', adminKey } as const;
/** Texts of one owner, which no other caller may see. */
const marks = {
  owner: 'quokka',
  keyName: 'wombat',
  prompt: 'numbats dream of',
  text: 'numbats dream of rain',
} as const;
const leaked = /quokka|wombat|numbat/;
/** The model in the example of the body of `POST /v1/completions`. */
const model = { ...testModel, name: 'distilgpt2' };

const worker = readyWorker({ model });

const operations = await readOperations();
const closed = operations.filter(({ scopes: enough }) => enough !== null);
const scoped = closed.filter(({ scopes: enough }) => enough !== 'any');
/** Whose path is the right to it, and works once: routes/export-history.test.ts tests it. */
const downloadPath = '/history/export/{token}';
const open = operations.filter(({ scopes: enough, path }) => enough === null && path !== downloadPath);
const isEnough = ({ scopes: enough }: Operation, scope: Scope): boolean =>
  typeof enough === 'object' && enough !== null && enough.includes(scope);

describe.each([
  ['SQLite', async () => undefined],
  ['Postgres', async () => await createTestDatabase(inject('postgresUrl'))],
])('access on %s', (_name, createDatabase) => {
  let opened: TestApi;
  let dropDatabase: (() => Promise<void>) | undefined;
  let jobId: string;
  let endedJobId: string;
  let deletedJobId: string;
  let batchId: string;
  let deliveryId: string;
  let recordId: number;
  let spareKeyId: string;
  let secret: string;
  let strangersSecret: string;

  const make = async (owner: string, allowed: readonly Scope[], name: string = marks.keyName) =>
    await createKey(opened.store.apiKeys, { owner, name, scopes: [...allowed] });

  beforeAll(async () => {
    const database = await createDatabase();
    if (database !== undefined) dropDatabase = database.drop;
    opened = await openTestApi({ access, ...(database === undefined ? {} : { databaseUrl: database.url }) });
    ({ secret } = await make(marks.owner, scopes));
    ({ secret: strangersSecret } = await make('stranger', scopes, 'strange'));
    spareKeyId = (await make(marks.owner, ['read'])).key.id;
    const json = { prompt: marks.prompt, webhook_url: 'http://hooks.invalid/' };
    for (let job = 0; job < 3; job += 1) await send({ method: 'POST', path: '/jobs', body: json }, `Bearer ${secret}`);
    const requests = [{ custom_id: `${marks.keyName} ${marks.prompt}`, prompt: marks.prompt }];
    const batch = await send({ method: 'POST', path: '/batches', body: { requests } }, `Bearer ${secret}`);
    batchId = (JSON.parse(batch.text) as { readonly id: string }).id;
    endedJobId = (await endNext(opened.store, { outcome: succeededWith(marks.text) })).id;
    const first = { ownerId: marks.owner, after: null, limit: 1 };
    recordId = (await opened.store.generations.list(first)).items[0]?.id ?? 0;
    deletedJobId = (await endNext(opened.store, { outcome: succeededWith(marks.text) })).id;
    deliveryId = (await opened.store.webhooks.listOfJob(marks.owner, endedJobId))[0]?.id ?? '';
    jobId = (await listJobs()).find(({ status }) => status === 'queued')?.id ?? '';
  });
  // It reports again and again: a worker that is silent for a while is gone.
  beforeEach(async () => await opened.store.workers.report(worker));
  afterAll(async () => {
    await opened.close();
    await dropDatabase?.();
  });

  const listJobs = async () => {
    const all = { after: null, limit: 100 };
    return (await opened.store.jobs.list({ ...all, ownerId: marks.owner })).items;
  };

  /** The state that a refused request must leave unchanged. */
  const ownState = async () => ({
    jobs: (await listJobs()).map(({ id, version }) => [id, version]),
    keys: (await opened.store.apiKeys.list({ after: null, limit: 100 })).items.map(({ id, revokedAt }) => [
      id,
      revokedAt,
    ]),
  });

  async function send(operation: Omit<Operation, 'scopes'>, authorization?: string): Promise<Answer> {
    const { method, path, body } = operation;
    const headers = new Headers({ 'X-Request-Id': 'same', Prefer: 'respond-async' });
    if (authorization !== undefined) headers.set('Authorization', authorization);
    if (body !== undefined) headers.set('Content-Type', 'application/json');
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const answering = Promise.resolve(opened.api.app.request(path, init));
    if (path === '/v1/completions') await finishWaiting(opened, answering);
    const response = await answering;
    return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
  }

  /** @throws for a kind of resource that this file does not know yet */
  function aimed(operation: Operation, isThere = true): Operation {
    const { path } = operation;
    if (path === '/live') return { ...operation, path: `/live?job=${isThere ? endedJobId : newId()}` };
    if (!path.includes('{')) return operation;
    const things = {
      '/jobs/{id}/retry': endedJobId,
      '/jobs/{id}/deliveries': endedJobId,
      '/jobs/{id}/verify': endedJobId,
      '/batches/': batchId,
      // The other operations need the text of the job that has ended.
      '/jobs/': operation.method === 'DELETE' ? deletedJobId : jobId,
      '/history/': String(recordId),
      '/admin/keys/': spareKeyId,
      '/v1/models/': model.name,
    };
    const [family, id] = Object.entries(things).find(([prefix]) => path.startsWith(prefix)) ?? [];
    if (family === undefined || id === undefined) throw new Error(`Make something for ${path} above, with marks.`);
    const other = family === '/history/' ? '999999999' : newId();
    const aimedPath = path.replace('{delivery}', deliveryId).replaceAll(/\{\w+\}/g, isThere ? id : other);
    return { ...operation, path: aimedPath };
  }

  it.each(closed)('$method $path: the same 401 for every invalid key, and nothing changes', async (operation) => {
    const { secret: expired, hash, prefix } = createSecret();
    const request = { ownerId: marks.owner, name: marks.keyName, scopes, expiresInMs: 0 };
    await opened.store.apiKeys.create({ ...request, id: newId(), hash, prefix });
    const revoked = await make(marks.owner, scopes);
    // This process knows the key: it was used a moment ago.
    expect((await send({ method: 'GET', path: '/jobs', body: undefined }, `Bearer ${revoked.secret}`)).status).toBe(
      200,
    );
    const revoke = { method: 'DELETE', path: `/admin/keys/${revoked.key.id}`, body: undefined };
    expect((await send(revoke, `Bearer ${adminKey}`)).status).toBe(204);
    const before = await ownState();
    const malformed = [`Bearer ${secret.slice(0, -1)}`, `Bearer ${secret} x`, `Basic ${secret}`, secret];
    const notValid = [createSecret().secret, expired, revoked.secret, `${adminKey}=`, adminKey.slice(1)].map(
      (each) => `Bearer ${each}`,
    );
    const answers: Answer[] = [];
    for (const authorization of [undefined, ...malformed, ...notValid]) {
      answers.push(await send(aimed(operation), authorization));
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const [{ status, text, headers } = { status: 0, text: '', headers: {} }] = answers;
    expect([status, codeOf(text)]).toEqual([401, isOpenAi(operation) ? 'invalid_api_key' : 'unauthorized']);
    expect(headers).toMatchObject({ 'www-authenticate': 'Bearer realm="prosemill"' });
    expect(text).not.toMatch(leaked);
    expect(await ownState()).toEqual(before);
  });

  it.each(scoped)('$method $path: 403 without the scope $scopes, and nothing changes', async (operation) => {
    const { secret: limited } = await make(
      marks.owner,
      scopes.filter((scope) => !isEnough(operation, scope)),
    );
    const before = await ownState();
    const { status, text } = await send(aimed(operation), `Bearer ${limited}`);
    expect([status, codeOf(text)]).toEqual([403, 'forbidden']);
    expect(text).not.toMatch(leaked);
    expect(await ownState()).toEqual(before);
  });

  it.each(closed)('$method $path: ADMIN_KEY has the scope admin, and no other', async (operation) => {
    const before = await ownState();
    const { status, text } = await send(aimed(operation), `Bearer ${adminKey}`);
    if (operation.scopes === 'any' || isEnough(operation, 'admin')) {
      expect(status).toBeLessThan(300);
    } else {
      expect([status, codeOf(text)]).toEqual([403, 'forbidden']);
      expect(text).not.toMatch(leaked);
      expect(await ownState()).toEqual(before);
    }
  });

  const owned = closed.filter(
    (operation) => operation.path.includes('{') && !isEnough(operation, 'admin') && !isOpenAi(operation),
  );
  it.each(owned)('$method $path: 404 for another owner’s resource, which stays unchanged', async (operation) => {
    const before = await ownState();
    const [other, unknown] = [aimed(operation), aimed(operation, false)];
    const [foreign, missing] = [
      await send(other, `Bearer ${strangersSecret}`),
      await send(unknown, `Bearer ${secret}`),
    ];
    expect([foreign.status, JSON.parse(foreign.text)]).toMatchObject([404, { code: 'not_found' }]);
    expect(foreign).toEqual({ ...missing, text: missing.text.replaceAll(idOf(unknown), idOf(other)) });
    expect(await ownState()).toEqual(before);
  });

  const unowned = closed.filter((operation) => !owned.includes(operation));
  it.each(unowned)('$method $path: shows nothing of another owner’s jobs', async (operation) => {
    const { status, text } = await send(aimed(operation), `Bearer ${strangersSecret}`);
    expect(status).toBeLessThan(300);
    expect(text.replace(isEnough(operation, 'admin') ? /quokka|wombat/g : '', '')).not.toMatch(leaked);
    expect(text).not.toContain(secret);
  });

  it.each(scoped)('$method $path: works with the scope $scopes, for the owner', async (operation) => {
    const { secret: enough } = await make(
      marks.owner,
      scopes.filter((scope) => isEnough(operation, scope)).slice(0, 1),
    );
    const { status, text } = await send(aimed(operation), `Bearer ${enough}`);
    expect(status).toBeLessThan(300);
    // The model has no owner, and these have no text.
    const withoutText = ['/jobs/{id}/events', '/jobs/{id}/deliveries', '/machine'];
    const { method, path } = operation;
    const hasPrompt = method === 'GET' && !isOpenAi(operation) && !withoutText.includes(path);
    if (isEnough(operation, 'read') && hasPrompt) expect(text).toContain(marks.prompt);
  });

  it.each(open)('$method $path: open with any key or none', async (operation) => {
    for (const authorization of [undefined, 'Bearer x', `Bearer ${secret}`]) {
      const { status, text } = await send(aimed(operation), authorization);
      expect(status).toBe(200);
      expect(text).not.toMatch(leaked);
    }
  });
});

it('only the index and the probes are open', () => {
  expect(open.map(({ path }) => path).toSorted()).toEqual(['/', '/health', '/livez', '/readyz']);
  expect(closed.length).toBeGreaterThan(10);
});

const isOpenAi = ({ path }: Operation): boolean => path.startsWith('/v1/');

function codeOf(text: string): string | undefined {
  const { code, error } = JSON.parse(text) as { readonly code?: string; readonly error?: { readonly code: string } };
  return error?.code ?? code;
}

const idOf = ({ path }: Operation): string => path.split('/')[2] ?? '';

async function readOperations(): Promise<readonly Operation[]> {
  const described = await openTestApi({ access });
  const response = await described.api.app.request('/openapi.json');
  const { paths, components } = (await response.json()) as OpenApiDocument;
  await described.close();
  const exampleOf = ({ requestBody }: OpenApiOperation): unknown => {
    if (requestBody === undefined) return undefined;
    const name = requestBody.content['application/json'].schema.$ref.split('/').at(-1) ?? '';
    const { example } = components.schemas[name] ?? {};
    if (example === undefined) throw new Error(`${name} needs an example.`);
    return example;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      scopes: scopesOf(operation),
      body: exampleOf(operation),
    })),
  );
}

function scopesOf({ security }: OpenApiOperation): Operation['scopes'] {
  if (security.length === 0) return null;
  const enough = security.flatMap(({ apiKey }) => apiKey);
  return enough.length === 0 ? 'any' : enough;
}

/** Finishes the job that a request waits for, if the request makes one. */
async function finishWaiting(opened: TestApi, answering: Promise<Response>): Promise<void> {
  let isAnswered = false;
  void answering.finally(() => (isAnswered = true));
  while (!isAnswered) {
    const { queuedByClass } = await opened.store.jobs.measureQueue();
    if (queuedByClass.has(0)) await endNext(opened.store);
    await setImmediate();
  }
}
