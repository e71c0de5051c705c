/** A worker whose database goes away while it works. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Job, newId, type Store } from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import { createQueue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { createMetrics } from '@prosemill/telemetry';
import { launchPostgres, newJob, type PrivateServer, silentLogger } from '@prosemill/testkit';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createWorker, type Worker } from './create-worker.ts';

/** About a second. */
const parameters = { ...newJob().parameters, maxNewTokens: 500, topK: 0, temperature: 1.3, stop: [] };
const leaseMs = 30_000;

describe('a database that is away when a text is ready', () => {
  let database: PrivateServer;
  let store: Store;
  let worker: Worker;
  /** Messages of the worker's log. */
  let log: string[];

  beforeEach(async () => {
    database = await launchPostgres();
    store = openStore({ url: database.url, logger: silentLogger });
    const queue = createQueue({ databaseUrl: database.url, redisUrl: undefined, logger: silentLogger });
    log = [];
    const add = (_fields: object, message: string): void => void log.push(message);
    const logger = { debug: add, info: add, warn: add, error: add, child: () => logger };
    worker = createWorker({
      store,
      receiver: queue.receiver,
      hints: queue.sender,
      wakeUps: queue.wakeUps,
      generator: createTextGenerator({
        model: 'shipped',
        revision: undefined,
        engine: 'auto',
        slots: 1,
        dtype: 'fp32',
        modelDir: join(tmpdir(), 'prosemill-test-models'),
        hubEndpoint: 'http://not.used',
        threads: 1,
        logger: silentLogger,
      }),
      logger,
      metrics: createMetrics(),
      workerId: newId(),
      leaseMs,
      forbiddenWords: [],
    });
    onTestFinished(async () => {
      database.thaw();
      await worker.stop(0);
      await queue.stop();
      await store.stop();
      await database.stop();
    });
    await store.migrate();
    await worker.start(new AbortController().signal);
  });

  async function submitAndStart(): Promise<Job> {
    const job = await store.jobs.submit(newJob({ parameters }));
    await expect.poll(() => log, { interval: 5 }).toContain('job attempt started');
    return job;
  }

  it('gets it when it is back, and nothing is generated again', async () => {
    const { id } = await submitAndStart();
    await database.crash();
    await expect.poll(() => log).toContain('database is not available yet');
    await database.restart();
    const find = async (): Promise<Job | null> => await store.jobs.find('local', id).catch(() => null);
    await expect.poll(async () => (await find())?.status).toBe('succeeded');
    expect(await find()).toMatchObject({ attempt: 1, crashCount: 0 });
  });

  it('does not hold up a stop for long; the job is run again when its lease is over', async () => {
    const { id } = await submitAndStart();
    database.freeze();
    const begin = performance.now();
    await worker.stop(2_000);
    // The grace, the hand-back, and what closes.
    expect(performance.now() - begin).toBeLessThan(25_000);
    expect(log).toContain('the outcome could not be written');
    database.thaw();
    const later = openStore({ url: database.url, logger: silentLogger, clockOffsetMs: leaseMs + 1_000 });
    onTestFinished(async () => await later.stop());
    // Unless what was sent before the freeze got through after all.
    const ended = async (): Promise<string | undefined> => (await later.jobs.find('local', id))?.status;
    expect(await ended()).toBeOneOf(['running', 'queued', 'succeeded']);
    if ((await ended()) === 'running') expect(await later.jobs.rescueLostJobs(10)).toEqual([id]);
    expect(await ended()).toBeOneOf(['queued', 'succeeded']);
  });
});
