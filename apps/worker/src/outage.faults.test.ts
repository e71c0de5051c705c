/** A worker that loses its database, or the lease of a job, while it works. */
import type { Job, Store } from '@prosemill/core';
import { createQueue, type Queue } from '@prosemill/queue';
import { openStore } from '@prosemill/store';
import { launchPostgres, newJob, openSql, type PrivateServer, silentLogger } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Worker } from './create-worker.ts';
import { createTestEngine, createTestWorker, longText, openTestStore } from './test-worker.ts';

interface World {
  readonly database: PrivateServer;
  readonly store: Store;
  readonly queue: Queue;
  readonly worker: Worker;
  /** Messages of the worker's log. */
  readonly log: readonly string[];
}

async function startWorker(leaseMs: number): Promise<World> {
  const database = await launchPostgres();
  onTestFinished(async () => await database.stop());
  const store = await openTestStore(database.url);
  const queue = createQueue({ databaseUrl: database.url, redisUrl: undefined, logger: silentLogger });
  onTestFinished(async () => await queue.stop());
  const log: string[] = [];
  const add = (_fields: object, message: string): void => void log.push(message);
  const logger = { debug: add, info: add, warn: add, error: add, child: () => logger };
  const worker = createTestWorker(store, {
    receiver: queue.receiver,
    hints: queue.sender,
    wakeUps: queue.wakeUps,
    transportProblems: queue.problems,
    generator: createTestEngine({ slots: 2 }),
    logger,
    leaseMs,
  });
  onTestFinished(() => database.thaw());
  await worker.start(new AbortController().signal);
  return { database, store, queue, worker, log };
}

async function submitAndStart({ store, log }: World): Promise<Job> {
  const job = await store.jobs.submit(newJob({ parameters: longText }));
  await expect.poll(() => log, { interval: 5 }).toContain('job attempt started');
  return job;
}

describe('a database that is away when a text is ready', () => {
  it('gets the text when it is back, and nothing is generated again', async () => {
    const world = await startWorker(30_000);
    const { database, store, log } = world;
    const { id } = await submitAndStart(world);
    await database.crash();
    await expect.poll(() => log).toContain('database is not available yet');
    await database.restart();
    const find = async (): Promise<Job | null> => await store.jobs.find('local', id).catch(() => null);
    await expect.poll(async () => (await find())?.status).toBe('succeeded');
    expect(await find()).toMatchObject({ attempt: 1, crashCount: 0 });
  });

  it('does not hold up a stop for long; the job is run again when its lease is over', async () => {
    const leaseMs = 30_000;
    const world = await startWorker(leaseMs);
    const { database, worker, log } = world;
    const { id } = await submitAndStart(world);
    database.freeze();
    const begin = performance.now();
    await worker.stop(2_000);
    // The grace, the hand-back, and the closing.
    expect(performance.now() - begin).toBeLessThan(25_000);
    expect(log).toContain('the outcome could not be written');
    database.thaw();
    const later = openStore({ url: database.url, logger: silentLogger, clockOffsetMs: leaseMs + 1_000 });
    onTestFinished(async () => await later.stop());
    const rescued = async (): Promise<string | undefined> => {
      await later.jobs.rescueLostJobs(10);
      return (await later.jobs.find('local', id))?.status;
    };
    // Succeeded: the outcome was sent before the freeze, and is written now.
    await expect.poll(rescued).toBeOneOf(['queued', 'succeeded']);
  });
});

describe('a lease that runs out while a text is generated', () => {
  it('counts as one crash of a job that returns to the same worker: its attempts do not stop each other', async () => {
    const world = await startWorker(900);
    const { database, store, queue, log } = world;
    const { id } = await submitAndStart(world);
    const sql = await openSql(database.url);
    onTestFinished(async () => await sql.close());
    // A renewal may come between the two statements.
    await expect
      .poll(
        async () => {
          await sql.execute(`update jobs set lease_until = now() - interval '1 second' where status = 'running'`);
          return await store.jobs.rescueLostJobs(10);
        },
        { interval: 5 },
      )
      .toEqual([id]);
    await queue.sender.send([{ id, epoch: 1 }]);
    const countEnded = (): number => log.filter((message) => message === 'job attempt ended').length;
    await expect.poll(countEnded).toBe(2);
    expect(await store.jobs.find('local', id)).toMatchObject({ status: 'succeeded', attempt: 2, crashCount: 1 });
  });
});
