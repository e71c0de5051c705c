/**
 * Random texts, cut streams, reruns and stops: each client ends with exactly the text of its job. The test plays the
 * worker on the real store, so that it chooses every text and every attempt.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ClaimKey, countCodePoints, type Job, type Outcome, type Store, type WakeUps } from '@prosemill/core';
import { createQueue } from '@prosemill/queue';
import { createTestDatabase, type OpenStream, silentLogger, StreamClient } from '@prosemill/testkit';
import * as fc from 'fast-check';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openTestApi, type TestApi, type TestApiOptions } from './test-api.ts';

const runs = 4;
const streamsEach = 25;
const cutsEach = 10;
const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' };

/** The work of the worker at one job, and the cuts of its client. */
interface Plan {
  /** Pieces of text. Each attempt but the last is handed back after its last piece. */
  readonly attempts: readonly (readonly string[])[];
  readonly isCanceled: boolean;
  /** Bytes of each connection until its cut. */
  readonly cuts: readonly number[];
}

/** Several code points for one character, several bytes for one code point, two UTF-16 units for one code point. */
const pieceArbitrary = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  fc.constantFrom(
    '狐と葡萄',
    '👩‍👩‍👧‍👦',
    '🇯🇵',
    'e\u0301',
    '𠮷野家',
    '\n\n',
    'data: x\n\nid: 9-9\n\n',
    '\u{feff}',
    '\r\n',
    '\u2028',
  ),
);
const textArbitrary = fc.array(pieceArbitrary, { minLength: 1, maxLength: 12 });

/** The same text in other pieces, after an attempt that came to a random place. */
const rerunArbitrary = (pieces: readonly string[]): fc.Arbitrary<Plan['attempts']> =>
  fc.nat(pieces.length).map((done) => [pieces.slice(0, done), pieces.join('').match(/.{1,3}/gsu) ?? []]);

const planArbitrary: fc.Arbitrary<Plan> = fc.record({
  attempts: textArbitrary.chain((pieces) =>
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([pieces]) },
      { weight: 1, arbitrary: rerunArbitrary(pieces) },
      { weight: 1, arbitrary: textArbitrary.map((others) => [pieces, others]) },
    ),
  ),
  isCanceled: fc.boolean(),
  cuts: fc.array(fc.nat(3_000), { minLength: cutsEach, maxLength: cutsEach }),
});

/** A plan as it is carried out. */
class Story {
  readonly prompt: string;
  readonly plan: Plan;
  /** Resolves when its client knows its job. */
  readonly submitted = Promise.withResolvers<void>();
  #turns = 0;
  #wake = (): void => undefined;

  constructor(plan: Plan, index: number) {
    this.plan = plan;
    this.prompt = `story-${index}`;
  }

  /** The client got an event or lost its connection. */
  noteChange(): void {
    this.#turns += 1;
    this.#wake();
  }

  /** Resolves after the next change, so that the text grows while the client reads and is cut. */
  async untilChange(): Promise<void> {
    if (this.#turns === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#turns = 0;
  }
}

interface Service {
  readonly apis: TestApi[];
  readonly store: Store;
  readonly wakeUps: WakeUps;
  /** Opens one more API on the same data. */
  readonly openApi: () => Promise<TestApi>;
}

/** @param shareStore  The database belongs to one process. */
async function openService(options: TestApiOptions, shareStore: boolean): Promise<Service> {
  const { wakeUps } = createQueue({ databaseUrl: 'sqlite:', redisUrl: undefined, logger: silentLogger });
  const first = await openTestApi({ ...options, wakeUps });
  onTestFinished(async () => await first.close());
  const { store } = first;
  const openApi = async (): Promise<TestApi> => {
    const opened = await openTestApi({ ...options, wakeUps, ...(shareStore ? { store } : {}) });
    onTestFinished(async () => await opened.close());
    return opened;
  };
  return { apis: [await openApi(), await openApi()], store, wakeUps, openApi };
}

/** The worker: carries out all attempts of all stories, each on the next job that it claims. */
async function work(service: Service, stories: readonly Story[]): Promise<void> {
  await Promise.all(stories.map(async ({ submitted }) => await submitted.promise));
  await Promise.all(stories.map(async () => await performNext(service, stories)));
}

async function performNext(service: Service, stories: readonly Story[]): Promise<void> {
  const { store, wakeUps } = service;
  const { id, attempt, prompt } = await claim(store);
  const story = stories.find((each) => each.prompt === prompt);
  if (story === undefined) throw new TypeError(`There is no story for ${prompt}.`);
  const { attempts, isCanceled } = story.plan;
  wakeUps.publish({ type: 'job-changed', ids: [id] });
  // A stream waits for a rerun that is still shorter than the text of its client.
  const silent = Math.max(0, ...attempts.slice(0, attempt - 1).map((pieces) => countCodePoints(pieces.join(''))));
  const pieces = attempts[attempt - 1] ?? [];
  let completion = '';
  for (const [index, text] of pieces.entries()) {
    const offset = countCodePoints(completion);
    if (offset >= silent) await story.untilChange();
    await store.texts.append([{ id, attempt, offset, text, tokens: index + 1 }]);
    wakeUps.publish({ type: 'job-text', ids: [id] });
    completion += text;
  }
  const part = {
    completion,
    usage: { promptTokens: 2, completionTokens: pieces.length },
    timeToFirstTokenMs: 1,
    generationMs: 2,
  };
  if (attempt < attempts.length) await complete(service, { id, attempt }, { type: 'released' });
  else if (isCanceled) {
    await store.jobs.requestCancel('local', id);
    await complete(service, { id, attempt }, { type: 'canceled', partial: part });
  } else {
    const result = { ...part, finishReason: 'length', modelName: 'm' } as const;
    await complete(service, { id, attempt }, { type: 'succeeded', result });
  }
  if (attempt < attempts.length) await performNext(service, stories);
}

async function claim({ jobs }: Store): Promise<Job> {
  for (;;) {
    const claimed = await jobs.claim({ workerId: 'w', model, leaseMs: 600_000, fromClass: 0 });
    if (claimed !== null) return claimed.job;
    await nextTurn();
  }
}

async function complete({ store, wakeUps }: Service, key: ClaimKey, outcome: Outcome): Promise<void> {
  expect(await store.jobs.complete(key, outcome)).toBe('applied');
  wakeUps.publish({ type: 'job-changed', ids: [key.id] });
}

const submitOf =
  ({ api }: TestApi, { prompt }: Story): OpenStream =>
  async () =>
    await api.app.request('/jobs', {
      method: 'POST',
      // A client that was cut before it knew its job submits again.
      headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', 'Idempotency-Key': prompt },
      body: JSON.stringify({ prompt }),
    });

const streamOf =
  ({ api }: TestApi, id: string): OpenStream =>
  async (lastEventId) =>
    await api.app.request(`/jobs/${id}/stream`, {
      headers: lastEventId === null ? {} : { 'Last-Event-ID': lastEventId },
    });

/** The client of a story: it goes on at either API, after every cut and every stop. */
async function follow({ apis }: Service, story: Story, first: number): Promise<StreamClient> {
  const client = new StreamClient();
  client.onEvent = () => {
    story.submitted.resolve();
    story.noteChange();
  };
  for (let turn = first; ; turn += 1) {
    const api = apis[turn % apis.length];
    if (api === undefined) throw new TypeError('There is no API.');
    const open = client.job === null ? submitOf(api, story) : streamOf(api, client.job.id);
    const cutAfterBytes = story.plan.cuts[turn - first] ?? Number.POSITIVE_INFINITY;
    const ending = await client.read(open, { cutAfterBytes });
    if (ending.type === 'completed') return client;
    if (ending.type === 'refused') expect(ending.response.status).toBe(503);
    else expect(['cut', 'ended']).toContain(ending.type);
    story.noteChange();
    await nextTurn();
  }
}

/** Stops an API in the middle, and starts another one in its place. */
async function replaceApi({ apis, openApi }: Service): Promise<void> {
  const next = await openApi();
  apis[0]?.api.beginShutdown();
  apis[0] = next;
}

async function expectTexts(service: Service, plans: readonly Plan[], run: number): Promise<void> {
  const stories = plans.map((plan, index) => new Story(plan, run * streamsEach + index));
  const working = work(service, stories);
  const following = stories.map(async (story, index) => await follow(service, story, index));
  await Promise.race([working, ...following]);
  await replaceApi(service);
  const [clients] = await Promise.all([Promise.all(following), working]);
  for (const [index, client] of clients.entries()) {
    const { attempts } = plans[index] ?? { attempts: [] };
    const texts = attempts.map((pieces) => pieces.join(''));
    expect(client.text).toBe(texts.at(-1));
    // A rerun of the same text is a continuation.
    expect(client.resets).toBeLessThanOrEqual(texts.at(-1)?.startsWith(texts[0] ?? '') === true ? 0 : 1);
    for (const api of service.apis) {
      const again = new StreamClient();
      expect(await again.read(streamOf(api, client.job?.id ?? ''))).toEqual({ type: 'completed' });
      expect([again.text, again.resets]).toEqual([client.text, 0]);
    }
  }
}

async function expectThousandCuts(service: Service): Promise<void> {
  let run = 0;
  const plans = fc.array(planArbitrary, { minLength: streamsEach, maxLength: streamsEach });
  const property = fc.asyncProperty(plans, async (each) => {
    run += 1;
    await expectTexts(service, each, run);
  });
  await fc.assert(property, { numRuns: runs, endOnFailure: true });
}

describe('a thousand cuts of streams lose and repeat no character', () => {
  it('on SQLite', async () => {
    await expectThousandCuts(await openService({}, true));
  });

  it('on Postgres', async () => {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    await expectThousandCuts(await openService({ databaseUrl: url }, false));
  });
});
