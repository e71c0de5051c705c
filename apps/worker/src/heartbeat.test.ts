import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTextGenerator } from '@prosemill/engine';
import { openStore } from '@prosemill/store';
import { openSql, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { createHeartbeat } from './heartbeat.ts';
import { RunningJobs } from './running-jobs.ts';
import { shippedEngine } from './test-engine.ts';

it('is written once more, as it is at last, whatever changes while a report is under way', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-heartbeat-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const url = `sqlite:${join(folder, 'test.db')}`;
  // An SQLite file belongs to one connection at a time.
  const unused = openStore({ url, logger: silentLogger });
  await unused.migrate();
  await unused.stop();
  const before = await openSql(url);
  await before.execute('create table reports (state text)');
  for (const change of ['insert', 'update']) {
    const insert = 'insert into reports values (new.state)';
    await before.execute(`create trigger on_${change} after ${change} on workers begin ${insert}; end`);
  }
  await before.close();

  const store = openStore({ url, logger: silentLogger });
  const heartbeat = createHeartbeat({
    workers: store.workers,
    generator: createTextGenerator({
      ...shippedEngine(1),
      logger: silentLogger,
    }),
    running: new RunningJobs(),
    transportProblems: () => [],
    workerId: 'worker',
    logger: silentLogger,
  });
  heartbeat.start();
  for (let changes = 0; changes < 50; changes += 1) heartbeat.drain();
  await expect.poll(async () => (await store.workers.listLive(60_000))[0]?.state).toBe('draining');
  // SQLite answers within one turn of the event loop: after it no further report is under way.
  await new Promise(setImmediate);
  await heartbeat.stop();
  await store.stop();
  const after = await openSql(url);
  const states = (await after.execute('select state from reports')).map(({ state }) => state);
  await after.close();
  expect(states).toEqual([expect.not.stringMatching('draining'), 'draining']);
});
