import { openSql, silentLogger } from '@prosemill/testkit';
import { expect, it } from 'vitest';
import { createHeartbeat } from './heartbeat.ts';
import { RunningJobs } from './running-jobs.ts';
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
