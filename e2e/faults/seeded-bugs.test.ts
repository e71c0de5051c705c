/** The checker finds seeded bugs of the API; e2e/proof/mutants has the tests for the bugs of the store. */
import { createTestFolder, writeGpt2Folder } from '@prosemill/testkit';
import { expect, it } from 'vitest';
import { mutantEnvironment } from '../proof/mutants/mutant-environment.ts';
import type { Environment } from '../launch.ts';
import type { Cluster } from './cluster.ts';
import { clientOf, launch } from './fault-test.ts';
import { oldestOf } from './faults.ts';
import { longText, shortText } from './load-client.ts';
import { faultLasts } from './until.ts';

/**
 * Several submits: if the reconciler sends a hint before the API does, the job ends too early to show the bug. The
 * reconciler runs once in 3.5 s and misses some of these submits.
 */
const startsMs = [0, 1_200, 2_400];

/** The largest number of connections in the API's pool. */
const connections = 10;

async function invariantsBrokenIn(cluster: Cluster): Promise<readonly string[]> {
  const violations = await cluster.verdict();
  return [...new Set(violations.map(({ invariant }) => invariant))];
}

/** @returns the invariants that the history of three clients of an API with a slow database breaks */
async function brokenByWaits(environment: Environment): Promise<readonly string[]> {
  const cluster = await launch({ apis: 0, workers: 0, limits: { answerWithinMs: 4_000 } });
  // The job ends while the API still reads it for the first time.
  await cluster.startWorker({ environment: { DATABASE_URL: cluster.postgres.url } });
  const { url } = await cluster.startApi({ environment });
  // Opens all connections in advance: opening one on the slow database takes seconds, and the job would end before its
  // first read.
  await Promise.all(Array.from({ length: connections }, async () => await fetch(`${url}/history`)));
  cluster.databaseProxy.setLatency({ toServerMs: 0, toClientMs: 1_000 });
  const request = { ...shortText, max_new_tokens: 5 };
  const waiting = startsMs.map(async (ms, index) => {
    await faultLasts(ms);
    await clientOf(cluster, `client ${index}`).submit({ path: '/generate', waitSeconds: 10, request });
  });
  await Promise.all(waiting);
  return await invariantsBrokenIn(cluster);
}

/** @returns the invariants that a stream breaks when another model runs its job again */
async function brokenByRerun(environment: Environment): Promise<readonly string[]> {
  const folder = await createTestFolder();
  await writeGpt2Folder(folder, { config: { n_positions: 512 } });
  const cluster = await launch({ apis: 0, workers: 1 });
  await cluster.startApi({ environment });
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const streamed = clientOf(cluster).stream({
    key: 'rerun',
    request: longText,
    onEvent: ({ text }) => {
      if (text !== '') resolve();
    },
  });
  await Promise.race([begun, streamed]);
  await cluster.stopNode(oldestOf(cluster, 'workers'), 'SIGKILL');
  await cluster.startWorker({ environment: { MODEL: folder, MODEL_DTYPE: 'fp32' } });
  await streamed;
  return await invariantsBrokenIn(cluster);
}

/** Both services run at the same time, because they mostly wait. */
it('a client that waits on a slow database is answered in time, unless the API has the bug', async () => {
  const [withoutBug, withBug] = await Promise.all([
    brokenByWaits({}),
    brokenByWaits(mutantEnvironment('waiter-registered-after-read')),
  ]);
  expect(withoutBug).toEqual([]);
  expect(withBug).toEqual(['I6']);
});

it('a stream whose job runs again with another text begins anew, unless the API has the bug', async () => {
  const [withoutBug, withBug] = await Promise.all([
    brokenByRerun({}),
    brokenByRerun(mutantEnvironment('position-not-proven')),
  ]);
  expect(withoutBug).toEqual([]);
  expect(withBug).toContain('I9');
});
