/**
 * Privacy: marked prompts, stop strings, metadata and keys go through every path of the full size. The test then
 * searches for the marks in everything that the service logs, reports and stores.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { GenerationBody, JobBody } from '@prosemill/contract';
import {
  type Collector,
  createTestDatabase,
  launchRedis,
  openSql,
  type PrivateServer,
  type SqlConnection,
  startCollector,
  type TestDatabase,
} from '@prosemill/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Answer, createClient, type RequestOptions } from './http-client.ts';
import { type Environment, migrateDatabase, ServiceProcess, testEnvironment } from './launch.ts';
import { dumpRedis, type RedisWatch, watchRedis } from './redis-watch.ts';

/** Marks, repeated in every value of their kind, so that a few letters of a value give it away. */
const marks = {
  prompt: 'quokkap',
  refusedPrompt: 'quokkar',
  stop: 'quokkas',
  metadata: 'quokkam',
  idempotencyKey: 'quokkak',
  secret: 'quokkaa',
  /** The texts and the key of a job that is deleted. */
  deleted: 'quokkad',
  /** Paths, queries, headers and bytes that a client makes up. */
  nonsense: 'quokkan',
} as const;
type Mark = keyof typeof marks;

const marked = (mark: Mark): string => marks[mark].repeat(3);
const promptOf = (words: string): string => `${marked('prompt')} ${words} ${marked('prompt')}`;
const refused = (words = ''): string => `${marked('refusedPrompt')} ${words}`;
/** A value for ADMIN_KEY of sufficient length. */
const adminKey = marks.secret.repeat(5);
const asAdmin = { Authorization: `Bearer ${adminKey}` };

/** Makes prompts with these words unwritable: an error of Postgres shows the row. */
const constraints = [
  `alter table jobs add constraint no_unacceptable check (prompt not like '%unacceptable%')`,
  `alter table generation_records add constraint no_unwritable check (prompt not like '%unwritable%')`,
];

let database: TestDatabase;
let sql: SqlConnection;
let redis: PrivateServer;
let watch: RedisWatch;
let collector: Collector;
let api: ServiceProcess;
let worker: ServiceProcess;
let url = '';
let send: (path: string, options?: RequestOptions) => Promise<Answer<JobBody>>;

/** The output and the stored data of the service, by place. */
const places = { log: '', metrics: '', spans: '', redis: '', problems: '' };
const jobIds: string[] = [];
/** Secrets of API keys. */
const secrets: string[] = [];
const texts: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject('postgresUrl'));
  sql = await openSql(database.url);
  redis = await launchRedis();
  watch = await watchRedis(redis.url);
  collector = await startCollector();
  const environment: Environment = {
    ...testEnvironment,
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    FAILPOINT: 'engine.poison:kill9',
    LOG_LEVEL: 'debug',
    AUTH: 'keys',
    ADMIN_KEY: adminKey,
  };
  await migrateDatabase(environment);
  for (const constraint of constraints) await sql.execute(constraint);
  await startApi(environment);
  await makeKeys();
  const queued = await submitAll();
  await refuseAll();
  places.redis += await dumpRedis(redis.url);
  worker = new ServiceProcess('apps/worker/src/main.ts', environment);
  await workOff(queued);
  await readMetrics();
  await Promise.all([api.stop(), worker.stop()]);
  places.log = [api.transcript(), worker.transcript()].join('\n');
  places.spans = collector.bodies.join('\n');
  places.redis += [...watch.commands, await dumpRedis(redis.url)].join('\n');
});
afterAll(async () => {
  watch.stop();
  await Promise.all([redis.stop(), collector.stop(), sql.close()]);
  await database.drop();
});

async function startApi(environment: Environment): Promise<void> {
  api = new ServiceProcess('apps/api/src/main.ts', environment);
  url = String((await api.logged({ msg: 'the API listens' }))['url']);
  const request = await createClient(url);
  send = async (path, options) => {
    const [secret = adminKey] = secrets;
    const headers = { Authorization: `Bearer ${secret}`, Cookie: `session=${marked('secret')}`, ...options?.headers };
    const answer = await request<JobBody>(path, { ...options, headers });
    if (answer.status >= 400) places.problems += JSON.stringify([[...answer.headers], answer.body]);
    return answer;
  };
}

/** Makes a key that all later requests use, and a revoked one, and sends invalid keys. */
async function makeKeys(): Promise<void> {
  const ids: string[] = [];
  for (const name of ['in use', 'revoked']) {
    const { body } = await send('/admin/keys', { json: { owner: 'acme', name }, headers: asAdmin });
    const { id, secret } = body as unknown as { id: string; secret: string };
    ids.push(id);
    secrets.push(secret);
  }
  const [used = '', revoked = ''] = secrets;
  expect((await send(`/admin/keys/${ids[1]}`, { method: 'DELETE', headers: asAdmin })).status).toBe(204);
  const altered = `${used.slice(0, -1)}${used.endsWith('0') ? '1' : '0'}`;
  const wrong = [revoked, altered, marked('secret'), `pm_${marked('secret')}`, `${adminKey}=`].map(
    (key) => `Bearer ${key}`,
  );
  for (const Authorization of [...wrong, `Basic ${used}`, used]) {
    expect((await send('/jobs', { headers: { Authorization } })).status).toBe(401);
  }
  expect((await send('/admin/keys')).status).toBe(403);
}

async function submit(json: object, headers: RequestOptions['headers'] = {}): Promise<string> {
  const { status, body } = await send('/jobs', { json: { max_new_tokens: 60, seed: 1, ...json }, headers });
  expect(status).toBe(202);
  jobIds.push(body.id);
  return body.id;
}

interface Submitted {
  readonly ended: readonly string[];
  readonly long: string;
}

/** Submits jobs before a worker starts, so that no tokens are counted and no job ends early. */
async function submitAll(): Promise<Submitted> {
  const stop = [marked('stop')];
  const metadata = { [marked('metadata')]: marked('metadata') };
  const succeeds = { prompt: `${marked('prompt')} Once upon a time there was a king`, stop, metadata };
  const key = { 'Idempotency-Key': `${marked('idempotencyKey')}-1` };
  const success = await submit(succeeds, key);
  expect(await submit(succeeds, key)).toBe(success);
  expect((await send('/jobs', { json: { prompt: refused() }, headers: key })).status).toBe(422);
  const tooLong = await submit({ prompt: promptOf('🦊'.repeat(400)), stop });
  const canceled = await submit({ prompt: promptOf('nobody wants') }, { 'Idempotency-Key': marked('idempotencyKey') });
  await send(`/jobs/${canceled}/cancel`, { method: 'POST' });
  const expired = await submit({ prompt: promptOf('comes too late') });
  await sql.execute(`update jobs set deadline_at = created_at where id = '${expired}'`);
  const unwritable = await submit({ prompt: promptOf('unwritable'), stop });
  const long = await submit({ prompt: promptOf('a long one'), max_new_tokens: 450, stop });
  expect(new Set([success, tooLong, canceled, expired, unwritable, long]).size).toBe(6);
  // Each version of the engine writes other texts, and one may end at once.
  const others = [await submit({ ...succeeds, seed: 2 }), await submit({ ...succeeds, seed: 3 })];
  return { ended: [success, tooLong, canceled, expired, ...others], long };
}

const raw = (body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): RequestOptions => ({
  body,
  headers: { 'Content-Type': type },
});

async function refuseAll(): Promise<void> {
  const requests: readonly (readonly [path: string, options: RequestOptions, status: number])[] = [
    ['/generate', { json: { prompt: refused('I hate this') } }, 400],
    ['/jobs', { json: { prompt: refused('a'.repeat(500)) } }, 422],
    ['/jobs', { json: { prompt: [refused()] } }, 422],
    ['/jobs', { json: { prompt: refused(), temperature: marked('refusedPrompt') } }, 422],
    ['/jobs', { json: { prompt: refused(), stop: Array.from({ length: 5 }, () => refused()) } }, 422],
    ['/jobs', { json: { prompt: refused(), max_length: 9 } }, 422],
    ['/generate', raw(`{"prompt": "${refused()}`), 400],
    ['/generate', raw(`{"prompt": ${refused()}}`), 400],
    ['/generate', raw(Buffer.concat([Buffer.from(`{"prompt": "${refused()}`), Buffer.of(0xff)])), 400],
    ['/generate', raw(refused(), 'text/plain'), 415],
    ['/generate', { json: { prompt: refused('c'.repeat(70_000)) } }, 413],
    ['/jobs', { json: { prompt: 'a' }, headers: { 'Idempotency-Key': `${marked('idempotencyKey')} 2` } }, 400],
    ['/jobs', { json: { prompt: refused('unacceptable') } }, 500],
    [
      '/generate',
      { json: { prompt: refused('unacceptable') }, headers: { Prefer: `wait=${marked('nonsense')}` } },
      500,
    ],
    [`/${marked('nonsense')}`, { headers: { 'X-Request-Id': `no ${marked('nonsense')}` } }, 404],
    [`/jobs/${marked('nonsense')}?${marked('nonsense')}=1`, { headers: { Origin: marked('nonsense') } }, 422],
    [`/jobs?cursor=${marked('nonsense')}&status=${marked('nonsense')}`, {}, 422],
    [`/history/${marked('nonsense')}`, { headers: { 'X-Forwarded-For': marked('nonsense') } }, 404],
    ['/jobs', raw('{}', marked('nonsense')), 415],
  ];
  for (const [path, options, status] of requests) {
    expect([path, (await send(path, options)).status]).toEqual([path, status]);
  }
  for (const bytes of ['GET / HTTP/1.1\r\nHost: {}\x01 \r\n\r\n', '{} {}\r\n\r\n', 'POST /{} HTTP/1.1\r\n{}\r\n\r\n']) {
    await sendBytes(bytes.replaceAll('{}', marked('nonsense')));
  }
}

async function sendBytes(bytes: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(bytes);
  expect(await text(socket)).toContain('HTTP/1.1 4');
}

/** Runs the jobs: waiting ones, one that is canceled while it runs, one that kills its engine, and unwritable ones. */
async function workOff({ ended, long }: Submitted): Promise<void> {
  await worker.logged({ msg: 'job attempt started', jobId: long });
  places.redis += await dumpRedis(redis.url);
  await send(`/jobs/${long}/cancel`, { method: 'POST' });
  const statuses = [];
  for (const id of [...ended, long]) {
    const { status, prompt, output } = (await send(`/jobs/${id}?wait=60`)).body;
    statuses.push(status);
    if (output !== null) texts.push(output.generated_text.slice(prompt.length));
  }
  expect(statuses).toEqual(['succeeded', 'failed', 'canceled', 'expired', 'succeeded', 'succeeded', 'canceled']);
  await worker.logged({ msg: 'the outcome could not be written' });
  const headers = { Prefer: 'wait=60', 'Idempotency-Key': `${marked('idempotencyKey')}-3` };
  const poison = await send('/generate', { json: { prompt: promptOf('poisonpill') }, headers });
  expect(poison.status).toBe(500);
  const mark = marked('deleted');
  const answered = await send('/generate', {
    json: { prompt: `${mark} A fox`, max_new_tokens: 30, stop: [mark], metadata: { [mark]: mark } },
    headers: { Prefer: 'wait=60', 'Idempotency-Key': mark },
  });
  expect(answered.status).toBe(200);
  const { job_id: deleted } = answered.body as unknown as GenerationBody;
  expect((await send(`/jobs/${deleted}`, { method: 'DELETE' })).status).toBe(204);
  const again = { method: 'POST', headers: { Prefer: 'wait=60' } };
  expect((await send(`/jobs/${ended[0]}/verify`, again)).body).toMatchObject({ match: true });
  expect((await send(`/jobs/${ended[0]}/retry`, again)).status).toBe(202);
}

async function readMetrics(): Promise<void> {
  const { port } = await worker.logged({ msg: 'the worker answers probes' });
  for (const base of [url, `http://127.0.0.1:${String(port)}`]) {
    places.metrics += await (await fetch(`${base}/metrics`, { headers: asAdmin })).text();
  }
}

/** Short pieces of a text or a secret, without characters that are quoted or escaped anywhere. */
const piecesOf = (whole: string): readonly string[] =>
  Array.from(whole, (_, start) => whole.slice(start, start + 16)).filter((piece) => /^[\w ,.]{16}$/.test(piece));

const foundIn = (place: string): readonly string[] =>
  [...Object.values(marks), ...[...texts, ...secrets].flatMap(piecesOf)].filter((piece) => place.includes(piece));

describe('a prompt, a text or a key', () => {
  it.each(['log', 'metrics', 'spans', 'redis'] as const)('is not in the %s', (place) => {
    expect(foundIn(places[place])).toEqual([]);
  });

  it('is not in a problem document, except for values from its own request', () => {
    expect(foundIn(places.problems).filter((piece) => piece !== marks.nonsense)).toEqual([]);
  });

  it('is in the database only where it belongs', async () => {
    const found = new Map<string, Set<string>>();
    const columns = await sql.execute(
      `select table_name, column_name from information_schema.columns where table_schema = 'public' order by 1, 2`,
    );
    for (const { table_name: table, column_name: column } of columns) {
      const rows = await sql.execute(`select "${String(column)}"::text as value from "${String(table)}"`);
      const values = rows.map(({ value }) => String(value)).join('\n');
      for (const piece of foundIn(values)) {
        const kind = Object.entries(marks).find(([, mark]) => mark === piece)?.[0] ?? 'text';
        found.set(kind, (found.get(kind) ?? new Set()).add(`${String(table)}.${String(column)}`));
      }
    }
    const columnsOf = (kind: string): string[] => [...(found.get(kind) ?? [])];
    expect(Object.fromEntries(Object.keys(marks).map((mark) => [mark, columnsOf(mark)]))).toEqual({
      prompt: ['generation_records.generated_text', 'generation_records.prompt', 'jobs.partial_text', 'jobs.prompt'],
      refusedPrompt: [],
      stop: ['jobs.parameters'],
      metadata: ['jobs.metadata'],
      idempotencyKey: ['idempotency_keys.key'],
      secret: [],
      deleted: [],
      nonsense: [],
    });
    // The progress of the canceled job varies.
    const columnsOfTexts = ['generated_text', 'completion'].map((column) => `generation_records.${column}`);
    const columnsOfParts = ['partial_text', 'partial_completion'].map((column) => `jobs.${column}`);
    expect([...columnsOfTexts, ...columnsOfParts]).toEqual(expect.arrayContaining(columnsOf('text')));
    expect(columnsOf('text').length).toBeGreaterThan(0);
  });
});

describe('the searched places', () => {
  it.each(['log', 'spans', 'redis'] as const)('hold every job (%s)', (place) => {
    expect(jobIds.filter((id) => !places[place].includes(id))).toEqual([]);
  });

  it('hold the errors, and the written texts', () => {
    expect(places.log).toContain('a request failed because of a bug');
    expect(places.log).toContain('no_unacceptable');
    expect(places.log).toContain('no_unwritable');
    expect(places.log).toContain('"level":"debug"');
    expect(places.metrics).toMatch(/prosemill_crashes_total 3\n/);
    expect(places.metrics).toContain('prosemill_jobs_accepted_total');
    for (const code of ['worker_lost', 'unauthorized', 'forbidden']) expect(places.problems).toContain(`"${code}"`);
    expect(texts.flatMap(piecesOf).length).toBeGreaterThan(50);
  });
});
