import { heartbeatMs, lookMs, type WorkerReport } from '@prosemill/core';
import { openSql, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createHeartbeat } from './heartbeat.ts';
import { RunningJobs } from './running-jobs.ts';
import { SlotBoard } from './slot-board.ts';
import { createSpeedMeter } from './speed-meter.ts';
import { createDatabaseUrl, createTestEngine, openTestStore } from './test-worker.ts';

it('one more report has the last state, however many changes come during a report', async () => {
  const url = await createDatabaseUrl();
  // The file belongs to one connection at a time.
  await (await openTestStore(url)).stop();
  const before = await openSql(url);
  await before.execute('create table reports (state text)');
  for (const change of ['insert', 'update']) {
    const insert = 'insert into reports values (new.state)';
    await before.execute(`create trigger on_${change} after ${change} on workers begin ${insert}; end`);
  }
  await before.close();

  const store = await openTestStore(url);
  const heartbeat = createHeartbeat({
    workers: store.workers,
    generator: createTestEngine({ slots: 1 }),
    running: new RunningJobs(),
    board: new SlotBoard(),
    speed: createSpeedMeter({ slots: 1 }),
    transportProblems: () => [],
    workerId: 'worker',
    logger: silentLogger,
  });
  heartbeat.start();
  for (let changes = 0; changes < 50; changes += 1) heartbeat.drain();
  await expect.poll(async () => (await store.workers.listLive(60_000))[0]?.state).toBe('draining');
  // SQLite answers within one turn of the event loop, so every other report is written after this.
  await new Promise(setImmediate);
  await heartbeat.stop();
  await store.stop();
  const after = await openSql(url);
  const states = (await after.execute('select state from reports')).map(({ state }) => state);
  await after.close();
  expect(states).toEqual([expect.not.stringMatching('draining'), 'draining']);
});

it('reports the slots every second while somebody looks, also after a lost wake-up', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const reports: { readonly at: number; readonly activity: WorkerReport['activity'] }[] = [];
  let isWatched = false;
  const heartbeat = createHeartbeat({
    workers: {
      async report({ activity }) {
        reports.push({ at: performance.now(), activity });
        return isWatched;
      },
      remove: async () => undefined,
    },
    generator: createTestEngine({ slots: 2 }),
    running: new RunningJobs(),
    board: new SlotBoard(),
    speed: createSpeedMeter({ slots: 2 }),
    transportProblems: () => [],
    workerId: 'worker',
    logger: silentLogger,
  });
  /** The number of reports with the slots, and of those without. */
  async function reportsIn(ms: number): Promise<readonly [number, number]> {
    reports.splice(0);
    await vi.advanceTimersByTimeAsync(ms);
    const withSlots = reports.filter(({ activity }) => activity !== null).length;
    return [withSlots, reports.length - withSlots];
  }
  const pause = heartbeatMs / 2;
  const unwatched = reportsIn(pause);
  heartbeat.start();
  onTestFinished(async () => await heartbeat.stop());
  expect(await unwatched).toEqual([0, 1]);
  heartbeat.look();
  expect(await reportsIn(0)).toEqual([1, 0]);
  expect(reports[0]?.activity).toEqual({ slots: [null, null], tokensPerSecond: null });
  // Further looks prolong the time, and cause no report.
  heartbeat.look();
  expect(await reportsIn(lookMs - 1)).toEqual([4, 0]);
  expect(await reportsIn(2 * heartbeatMs)).toEqual([0, 2]);
  isWatched = true;
  await reportsIn(heartbeatMs);
  expect(await reportsIn(3_000)).toEqual([3, 0]);
});
