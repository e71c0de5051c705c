/** Wrong clocks: only the database's clock decides. */
import { skewedClock } from '@prosemill/testkit';
import { expect, it } from 'vitest';
import { clientOf, expectAllSucceeded, expectNoViolation, launch, submitMany } from './fault-test.ts';
import { longText } from './load-client.ts';
import { faultLasts } from './until.ts';
import { shortLeaseSeconds } from './cluster.ts';

const tenMinutesMs = 10 * 60_000;

it.each([
  { skewMs: tenMinutesMs, size: 'full' as const },
  { skewMs: -tenMinutesMs, size: 'postgres' as const },
])('15: a worker and an API whose clocks are $skewMs ms off work like all others ($size)', async ({ skewMs, size }) => {
  const cluster = await launch({ size, apis: 1, workers: 1, environment: { WORKERS: '4' } });
  const skewed = { environment: await skewedClock(skewMs), skewMs };
  await cluster.startApi(skewed);
  const worker = await cluster.startWorker(skewed);
  const client = clientOf(cluster);
  await submitMany(client, 40, { request: longText });
  await faultLasts(2 * shortLeaseSeconds * 1_000);
  await cluster.settle(90_000);
  await expectAllSucceeded(cluster, 40);
  const times = await cluster.sql(`select id from jobs where abs(extract(epoch from now() - finished_at)) > 300`);
  expect(times).toEqual([]);
  expect(await cluster.sql('select id from jobs where attempt > 1')).toEqual([]);
  expect(worker.process.log.filter(({ msg }) => msg === 'job attempt started').length).toBeGreaterThan(0);
  await expectNoViolation(cluster);
});
