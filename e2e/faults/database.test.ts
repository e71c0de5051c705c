/** A database that goes away between a text and its row. Numbers as in docs/guarantees.md. */
import { postgresCommit } from '@prosemill/testkit';
import { describe, expect, it } from 'vitest';
import { clientOf, expectAllSucceeded, expectNoViolation, launch, submitMany } from './fault-test.ts';
import { faultLasts, until } from './until.ts';

describe('a Postgres', () => {
  it.each([
    { name: 'less than a lease', size: 'full' as const, leaseSeconds: 20, awayMs: 5_000, starts: [1, 1] as const },
    {
      name: 'longer than two leases',
      size: 'postgres' as const,
      leaseSeconds: 3,
      awayMs: 10_000,
      starts: [1, 2] as const,
    },
  ])(
    '8: that is away for $name as a result is written gets it afterwards, once',
    async ({ size, leaseSeconds, awayMs, starts: [least, most] }) => {
      const cluster = await launch({
        size,
        environment: { LEASE_SECONDS: String(leaseSeconds), FAILPOINT: 'worker.before_complete:sleep' },
        limits: { leaseMs: leaseSeconds * 1_000 },
      });
      const client = clientOf(cluster);
      const [id = ''] = await submitMany(client, 1);
      const isReached = () => cluster.workers.some(({ process }) => process.output.includes('failpoint'));
      await until('a text that is not written yet', isReached, 20_000);
      await cluster.postgres.crash();
      await faultLasts(awayMs);
      await cluster.postgres.restart();
      await cluster.settle(60_000);
      await expectAllSucceeded(cluster, 1);
      expect(cluster.startsOf(id)).toBeGreaterThanOrEqual(least);
      expect(cluster.startsOf(id)).toBeLessThanOrEqual(most);
      await expectNoViolation(cluster);
    },
  );

  it.each(['full', 'postgres'] as const)(
    '9: whose answer to a commit is lost has the result, and nothing is generated again (%s)',
    async (size) => {
      const cluster = await launch({ size, workers: 1 });
      const client = clientOf(cluster);
      const struck = cluster.databaseProxy.dropReplyAfter(postgresCommit, {
        after: 'insert into "generation_records"',
      });
      const [id = ''] = await submitMany(client, 1);
      await struck;
      await cluster.settle(30_000);
      expect((await client.read(id)).body).toMatchObject({ status: 'succeeded', attempt: 1 });
      expect(cluster.startsOf(id)).toBe(1);
      await expectNoViolation(cluster);
    },
  );
});
