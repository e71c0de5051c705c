/** The contract of `Service`, for each service of a worker, on a real database and a real queue. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Service, Store } from '@prosemill/core';
import { openStore } from '@prosemill/store';
import { createMetrics } from '@prosemill/telemetry';
import { describeServiceConformance, gateCalls, newJob, type ServiceSession, silentLogger } from '@prosemill/testkit';
import { createHeartbeat } from './heartbeat.ts';
import { createLease } from './lease.ts';
import { createProgressWatchdog } from './progress-watchdog.ts';
import { createReconciler } from './reconciler.ts';
import { RunningJobs } from './running-jobs.ts';
import { SlotBoard } from './slot-board.ts';
import { createSpeedMeter } from './speed-meter.ts';
import { createTestEngine, createTestQueue } from './test-worker.ts';
import { TextJournal } from './text-journal.ts';
import { createWorkerMetrics } from './worker-metrics.ts';

/** @param partOf  The part of the store that the steps of the service call first. */
function describeOnStore<Part extends object>(
  name: string,
  partOf: (store: Store) => Part,
  create: (part: Part, store: Store) => Service,
): void {
  describeServiceConformance(name, async (): Promise<ServiceSession> => {
    const folder = await mkdtemp(join(tmpdir(), 'prosemill-services-'));
    const store = openStore({ url: `sqlite:${join(folder, 'test.db')}`, logger: silentLogger });
    await store.migrate();
    await store.jobs.submit(newJob({ id: claim.id }));
    await store.jobs.claim({ workerId: 'worker', model, leaseMs, fromClass: 0 });
    const calls = gateCalls(partOf(store));
    return {
      service: create(calls.part, store),
      calls,
      async close() {
        await store.stop();
        await rm(folder, { recursive: true });
      },
    };
  });
}

const leaseMs = 30_000;
const claim = { id: newJob().id, attempt: 1 };
const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' };
const logger = silentLogger;
const createTestMetrics = () =>
  createWorkerMetrics(createMetrics(), { running: { count: 0 }, generator: { slots: 1 } });

describeOnStore(
  'the heartbeat',
  (store) => store.workers,
  (workers) =>
    createHeartbeat({
      workers,
      generator: createTestEngine({ slots: 1 }),
      running: new RunningJobs(),
      board: new SlotBoard(),
      speed: createSpeedMeter({ slots: 1 }),
      transportProblems: () => [],
      workerId: 'worker',
      logger,
    }),
);

describeOnStore(
  'the reconciler',
  (store) => store.jobs,
  (jobs, { texts, exportLinks }) => {
    const queue = createTestQueue();
    return createReconciler({
      jobs,
      texts,
      exportLinks,
      generator: { model: null },
      hints: queue.sender,
      wakeUps: queue.wakeUps,
      metrics: createTestMetrics(),
      logger,
      onHintsFailed: () => undefined,
    });
  },
);

describeOnStore(
  'the progress watchdog',
  (store) => store.jobs,
  (jobs) =>
    createProgressWatchdog({ jobs, generator: { model: null }, canClaim: () => true, onStuck: () => undefined }),
);

describeOnStore(
  'a lease',
  (store) => store.jobs,
  (jobs) =>
    createLease({
      jobs,
      claim,
      leaseMs,
      logger,
      onLost: () => undefined,
      onCancelRequested: () => undefined,
      onWatched: () => undefined,
    }),
);

describeOnStore(
  'the text journal, while wake-ups do not arrive',
  (store) => store.texts,
  (texts) => {
    const deaf = { ...createTestQueue().wakeUps, isDeaf: () => true };
    const journal = new TextJournal({ texts, wakeUps: deaf, metrics: createTestMetrics(), logger });
    journal.open({ ...claim, isWatched: false });
    return journal;
  },
);
