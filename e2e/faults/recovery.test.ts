/** The wait of a job of a killed worker with default settings. */
import { it } from 'vitest';
import { clientOf, expectAllSucceeded, expectNoViolation, launch, startedOn, submitMany } from './fault-test.ts';
import { longText } from './load-client.ts';
import { until } from './until.ts';

const defaultLeaseSeconds = 30;
/** The promise: the lease, a round of the reconciler, and a hint. */
const recoveryMs = 40_000;

it('1: with the default lease the jobs of a killed worker run again within 40 s', async () => {
  const cluster = await launch({
    workers: 0,
    environment: { LEASE_SECONDS: String(defaultLeaseSeconds) },
    limits: { leaseMs: defaultLeaseSeconds * 1_000 },
  });
  const doomed = await cluster.startWorker({ environment: { WORKERS: '3', FAILPOINT: 'worker.after_claim:sleep' } });
  const ids = await submitMany(clientOf(cluster), 3, { request: longText });
  await until('three jobs to start', () => startedOn(doomed).length === 3, 10_000);
  const other = await cluster.startWorker({ environment: { WORKERS: '3' } });
  await cluster.stopNode(doomed, 'SIGKILL');
  await until('a rerun', () => startedOn(other).length > 0, recoveryMs);
  await cluster.settle(20_000);
  await expectAllSucceeded(cluster, ids.length);
  await expectNoViolation(cluster);
});
