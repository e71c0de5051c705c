/** LISTEN behind pgbouncer works in session mode; in transaction mode the queue reports that and polls for jobs. */
import type { PermitResult } from '@prosemill/core';
import { createTestDatabase, describeWakeUpsConformance, launchPgbouncer, silentLogger } from '@prosemill/testkit';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createPostgresQueue } from './postgres-queue.ts';

describeWakeUpsConformance('LISTEN/NOTIFY behind pgbouncer in session mode', async () => {
  const { url, drop } = await createTestDatabase(inject('postgresUrl'));
  const pgbouncer = await launchPgbouncer({ postgresUrl: url, poolMode: 'session' });
  const [one, two] = [0, 1].map(() => createPostgresQueue({ url: pgbouncer.url, logger: silentLogger }));
  if (one === undefined || two === undefined) throw new TypeError('There are two.');
  return {
    ends: [one, two],
    async close() {
      await pgbouncer.stop();
      await drop();
    },
  };
});

describe('LISTEN behind pgbouncer in transaction mode', () => {
  it('is reported once with the remedy, jobs are polled for meanwhile, and session mode ends it', async () => {
    const { url, drop } = await createTestDatabase(inject('postgresUrl'));
    onTestFinished(drop);
    const pgbouncer = await launchPgbouncer({ postgresUrl: url, poolMode: 'transaction' });
    onTestFinished(async () => await pgbouncer.stop());
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => void warnings.push(fields), child: () => logger };
    const queue = createPostgresQueue({ url: pgbouncer.url, logger });
    onTestFinished(async () => await queue.stop());
    await queue.wakeUps.start();
    let permits = 0;
    const onPermit = async (): Promise<PermitResult> => {
      permits += 1;
      return 'nothing';
    };
    await expect.poll(() => queue.problems(), { timeout: 10_000 }).toEqual([expect.stringMatching(/pgbouncer/)]);
    expect(queue.wakeUps.isDeaf()).toBe(true);
    expect(warnings).toEqual([{ reason: expect.stringMatching(/transaction mode.*pool_mode = session/) }]);
    await queue.receiver.start({ concurrency: 1, leaseMs: 30_000, onPermit, countClaimable: async () => 1 });
    await expect.poll(() => permits).toBeGreaterThan(5);
    await pgbouncer.setPoolMode('session');
    await pgbouncer.crash();
    await pgbouncer.restart();
    await expect.poll(() => queue.problems(), { timeout: 15_000 }).toEqual([]);
    expect(queue.wakeUps.isDeaf()).toBe(false);
  }, 40_000);
});
