/** Attempts at jobs, with the real engine on the shipped model and a real database. */
import { join } from 'node:path';
import { queryObjects } from 'node:v8';
import {
  countCodePoints,
  type Job,
  type NewJob,
  type PermitResult,
  type Store,
  type TextGenerator,
} from '@prosemill/core';
import { createMetrics, noTracing } from '@prosemill/telemetry';
import { createTestFolder, newJob, silentLogger, wordPieceTokenizer, writeGpt2Folder } from '@prosemill/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { EngineGate } from './engine-gate.ts';
import { createJobRunner, type JobRunnerOptions } from './job-runner.ts';
import { RunningJobs } from './running-jobs.ts';
import { SlotBoard } from './slot-board.ts';
import { createSpeedMeter } from './speed-meter.ts';
import { createTestEngine, createTestQueue, longText, openTestStore, signalEngine } from './test-worker.ts';
import { TextJournal } from './text-journal.ts';
import { createWorkerMetrics } from './worker-metrics.ts';

const parameters = { ...newJob().parameters, temperature: 0, stop: [] };
const long = { parameters: longText };

describe('an attempt at a job', () => {
  let generator: TextGenerator;
  let store: Store;
  let running: RunningJobs;
  let board: SlotBoard;
  let runNextJob: () => Promise<PermitResult>;
  const { wakeUps } = createTestQueue();

  beforeAll(async () => {
    generator = createTestEngine();
    await generator.start();
  });
  afterAll(async () => {
    await generator.stop();
  });
  beforeEach(async () => {
    store = await openTestStore();
    running = new RunningJobs();
    board = new SlotBoard();
    runNextJob = createRunner(generator);
  });

  function createRunner(engine: TextGenerator, options: Partial<JobRunnerOptions> = {}): () => Promise<PermitResult> {
    const metrics = createWorkerMetrics(createMetrics(), { running, generator: engine });
    return createJobRunner({
      jobs: store.jobs,
      wakeUps,
      generator: engine,
      gate: new EngineGate(engine),
      running,
      journal: new TextJournal({ texts: store.texts, wakeUps, metrics, logger: silentLogger }),
      board,
      speed: createSpeedMeter(engine),
      logger: silentLogger,
      metrics,
      tracing: noTracing,
      workerId: 'worker',
      leaseMs: 600,
      forbiddenWords: ['hate'],
      onClaimAnswered: () => undefined,
      ...options,
    });
  }

  const submit = async (overrides: Partial<NewJob> = {}): Promise<Job> =>
    await store.jobs.submit(newJob({ seed: 1, parameters, ...overrides }));
  const find = async ({ id }: Job): Promise<Job | null> => await store.jobs.find('local', id);

  /** Runs the job, and calls `meanwhile` once its attempt has begun. */
  async function runWith(job: Job, meanwhile: () => unknown): Promise<Job | null> {
    const attempt = runNextJob();
    await expect.poll(() => running.count, { interval: 5 }).toBe(1);
    await meanwhile();
    const result = await attempt;
    const ended = await find(job);
    expect(result).toBe(['succeeded', 'failed'].includes(ended?.status ?? '') ? 'done' : 'returned');
    return ended;
  }

  const firstSlot = () => board.report(2).slots[0];

  /** Reads the text while the attempt runs. */
  async function follow({ id }: Job): Promise<string> {
    let text = '';
    for (let offset = 0; running.count > 0;) {
      for (const piece of await store.texts.read([{ id, attempt: 1, offset }])) {
        expect(piece.offset).toBe(offset);
        text += piece.text;
        offset += countCodePoints(piece.text);
      }
      await new Promise(setImmediate);
    }
    return text;
  }

  it('is not made when there is nothing to claim', async () => {
    expect(await runNextJob()).toBe('nothing');
  });

  it('is not made when the claim fails, and then it is unknown whether there is something to claim', async () => {
    const jobs = { ...store.jobs, claim: async () => await Promise.reject(new Error('the database is away')) };
    expect(await createRunner(generator, { jobs })()).toBe('unused');
  });

  it('ends with the text after the prompt', async () => {
    const job = await submit();
    expect(await runNextJob()).toBe('done');
    const ended = await find(job);
    expect(ended).toMatchObject({ status: 'succeeded', usage: { promptTokens: 4, completionTokens: 5 } });
    expect(ended?.output?.completion).toMatch(/^(?!Once upon a time).+/);
    expect(ended?.timeToFirstTokenMs).toBeGreaterThan(0);
    expect(ended?.generationMs).toBeGreaterThanOrEqual(ended?.timeToFirstTokenMs ?? Number.NaN);
    for (const ms of [ended?.timeToFirstTokenMs, ended?.generationMs]) expect(String(ms)).toMatch(/^\d+(\.\d{1,2})?$/);
    expect(ended?.model).toEqual(generator.model?.identity);
  });

  it('is in a slot while it runs', async () => {
    const job = await submit(long);
    await runWith(job, async () => {
      await expect.poll(() => firstSlot()?.tokens, { interval: 5 }).toBeGreaterThan(2);
      expect(firstSlot()).toMatchObject({ jobId: job.id, ownerId: 'local', limit: longText.maxNewTokens });
      running.cancel(job.id);
    });
    expect(board.report(2).slots).toEqual([null, null]);
  });

  it('leaves no abort signal alive', async () => {
    const counts: number[] = [];
    for (let jobs = 0; jobs < 5; jobs += 1) {
      await submit();
      expect(await runNextJob()).toBe('done');
      counts.push(queryObjects(AbortSignal, { format: 'count' }));
    }
    expect(counts.at(-1)).toBeLessThanOrEqual(counts[0] ?? Number.NaN);
  });

  it('checks the prompt again', async () => {
    const job = await submit({ prompt: 'I h.a.t.e this' });
    await runNextJob();
    expect(await find(job)).toMatchObject({ status: 'failed', error: { code: 'prompt_refused' }, attempt: 1 });
  });

  it('fails for good when the prompt leaves no room', async () => {
    const job = await submit({ parameters: { ...parameters, maxNewTokens: 10_000 } });
    await runNextJob();
    expect(await find(job)).toMatchObject({ status: 'failed', error: { code: 'context_length_exceeded' }, attempt: 1 });
  });

  it('fails for good when the prompt has no tokens, with that reason', async () => {
    const modelDir = await createTestFolder();
    const model = join(modelDir, 'small');
    await writeGpt2Folder(model, { files: { ...wordPieceTokenizer() } });
    const other = createTestEngine({ model, modelDir });
    onTestFinished(async () => await other.stop());
    await other.start();
    const job = await submit({ prompt: '\u200B ' });
    await createRunner(other)();
    expect(await find(job)).toMatchObject({
      status: 'failed',
      error: { code: 'invalid_request', message: expect.stringContaining('The prompt has no tokens') as string },
      attempt: 1,
    });
  });

  it('keeps the text so far when it is canceled', async () => {
    const job = await submit(long);
    const ended = await runWith(job, async () => {
      await store.jobs.requestCancel('local', job.id);
      running.cancel(job.id);
    });
    expect(ended).toMatchObject({ status: 'canceled', output: { finishReason: 'canceled' } });
    expect(ended?.usage?.completionTokens).toBeLessThan(500);
  });

  it('hears of a cancel by renewing its lease when the wake-up is lost', async () => {
    const job = await submit(long);
    const ended = await runWith(job, async () => await store.jobs.requestCancel('local', job.id));
    expect(ended?.status).toBe('canceled');
  });

  it('fails with the text so far when the deadline passes', async () => {
    const job = await submit({ ...long, deadlineMs: 100 });
    await runNextJob();
    expect(await find(job)).toMatchObject({
      status: 'failed',
      error: { code: 'deadline_exceeded' },
      output: { finishReason: 'timeout' },
    });
  });

  it('is handed back at a shutdown, and costs no attempt', async () => {
    const job = await submit(long);
    const ended = await runWith(job, () => running.abortAll('shutdown'));
    expect(ended).toMatchObject({ status: 'queued', attempt: 1, releasedCount: 1, error: null });
  });

  it('writes nothing when the job was taken away', async () => {
    const job = await submit(long);
    const ended = await runWith(job, () => running.abort({ id: job.id, attempt: 1 }, 'lost'));
    expect(ended).toMatchObject({ status: 'running', attempt: 1 });
  });

  it('renews its lease for as long as it takes', async () => {
    const job = await submit(long);
    const rescued: string[] = [];
    const ended = await runWith(job, async () => {
      while (running.count > 0) {
        rescued.push(...(await store.jobs.rescueLostJobs(10)));
        // SQLite answers within one turn of the event loop: the pause lets timers run.
        await new Promise(setImmediate);
      }
    });
    expect(rescued).toEqual([]);
    expect(ended).toMatchObject({ status: 'succeeded', crashCount: 0 });
  });

  it.each([
    ['from its first token on when it was submitted with a reader', true],
    ['from the first reader on, with the text so far, although the wake-up was lost', false],
  ])('shows its text while it is written: %s', async (_name, isWatched) => {
    const job = await submit({ ...long, isWatched });
    let text = '';
    const ended = await runWith(job, async () => {
      if (!isWatched) await store.texts.watch([job.id]);
      text = await follow(job);
    });
    expect(text.length).toBeGreaterThan(100);
    expect(ended?.output?.completion.startsWith(text)).toBe(true);
    expect(await store.texts.read([{ id: job.id, attempt: 0, offset: 0 }])).toEqual([]);
  });

  it('writes no text that nobody reads', async () => {
    const job = await submit(long);
    let text = '';
    await runWith(job, async () => {
      text = await follow(job);
    });
    expect(text).toBe('');
  });

  it('counts as a crash when the engine dies, and nothing is claimed until the next engine is ready', async () => {
    const job = await submit(long);
    const ended = await runWith(job, killEngine);
    expect(ended).toMatchObject({ status: 'queued', attempt: 1, crashCount: 1 });
    const next = await submit();
    expect(await runNextJob()).toBe('done');
    expect(await runNextJob()).toBe('done');
    expect([await find(job), await find(next)]).toMatchObject([
      { status: 'succeeded', attempt: 2 },
      { status: 'succeeded', attempt: 1, crashCount: 0 },
    ]);
  });

  it('runs alone after a crash: running jobs end first, and new ones wait', async () => {
    const suspect = await submit(long);
    await runWith(suspect, killEngine);
    await expect.poll(() => generator.state.type).toBe('ready');
    const order: string[] = [];
    const neighbour = await submit({ ...long, priorityClass: 0 });
    const first = runNextJob().then(() => order.push('neighbour'));
    await expect.poll(async () => (await find(neighbour))?.status, { interval: 5 }).toBe('running');
    const second = runNextJob().then(() => order.push('suspect'));
    await expect.poll(async () => (await find(suspect))?.status, { interval: 5 }).toBe('running');
    const late = await submit();
    const third = (async () => {
      // On a slow machine a permit is given up before the suspect ends; its transport sends another.
      while ((await runNextJob()) !== 'done');
      order.push('late');
    })();
    await Promise.all([first, second]);
    expect(await find(suspect)).toMatchObject({ status: 'succeeded', attempt: 2, crashCount: 1 });
    await third;
    expect((await find(late))?.status).toBe('succeeded');
    expect(order).toEqual(['neighbour', 'suspect', 'late']);
  });

  it('is not blamed for the loss of its worker while it waits to be alone', async () => {
    const suspect = await submit(long);
    await runWith(suspect, killEngine);
    await expect.poll(() => generator.state.type).toBe('ready');
    await submit({ ...long, priorityClass: 0 });
    // A worker that is gone renews nothing.
    const jobs = { ...store.jobs, renew: noAnswer };
    const runNextLost = createRunner(generator, { jobs, leaseMs: 100 });
    const first = runNextLost();
    await expect.poll(() => running.count, { interval: 5 }).toBe(1);
    const second = runNextLost();
    await expect.poll(() => running.count, { interval: 5 }).toBe(2);
    const rescued: string[] = [];
    const rescue = async () => rescued.push(...(await store.jobs.rescueLostJobs(10)));
    await expect.poll(rescue, { interval: 5 }).toBe(2);
    expect(await find(suspect)).toMatchObject({ status: 'queued', attempt: 2, releasedCount: 1, crashCount: 1 });
    await Promise.all([first, second]);
    expect(await find(suspect)).toMatchObject({ status: 'queued', attempt: 2 });
  });

  it.each([
    ['canceled', { status: 'canceled' }],
    ['shutdown', { status: 'queued', releasedCount: 1, crashCount: 1 }],
  ] as const)('can be stopped while it waits to be alone (%s)', async (reason, expected) => {
    const suspect = await submit(long);
    await runWith(suspect, killEngine);
    await expect.poll(() => generator.state.type).toBe('ready');
    await submit({ ...long, priorityClass: 0 });
    const first = runNextJob();
    await expect.poll(() => running.count, { interval: 5 }).toBe(1);
    const second = runNextJob();
    await expect.poll(() => running.count, { interval: 5 }).toBe(2);
    if (reason === 'canceled') await store.jobs.requestCancel('local', suspect.id);
    running.abort({ id: suspect.id, attempt: 2 }, reason);
    expect(await second).toBe('returned');
    expect(running.count).toBe(1);
    expect(await find(suspect)).toMatchObject(expected);
    await first;
  });
});

const noAnswer = async (): Promise<never> => await new Promise(() => undefined);

const killEngine = (): void => signalEngine('SIGKILL');
