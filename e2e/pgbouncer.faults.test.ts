/** The service behind pgbouncer with its defaults, in both modes. */
import { createTestDatabase, launchPgbouncer, type PoolMode } from '@prosemill/testkit';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createCheckedClient } from './http-client.ts';
import { launchSeparate } from './launch.ts';

async function launchBehind(poolMode: PoolMode) {
  const database = await createTestDatabase(inject('postgresUrl'));
  onTestFinished(database.drop);
  const pgbouncer = await launchPgbouncer({ postgresUrl: database.url, poolMode });
  onTestFinished(async () => await pgbouncer.stop());
  const service = await launchSeparate({ DATABASE_URL: pgbouncer.url, WORKERS: '4' });
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  const client = await createCheckedClient(service.url);
  const work = async (): Promise<number> => {
    const beganAt = performance.now();
    await client.generate({ prompt: 'Once upon a time', max_new_tokens: 2 });
    return performance.now() - beganAt;
  };
  return { service, client, work };
}

describe('behind pgbouncer', () => {
  it('in session mode the service works as without it', async () => {
    const { client, work } = await launchBehind('session');
    await work();
    await expect.poll(async () => await client.health()).toMatchObject({ status: 'healthy', problems: [] });
  });

  it('in transaction mode the service works, waits take less than a second, and /health and the log tell why they are slower', async () => {
    const { service, client, work } = await launchBehind('transaction');
    await work();
    await expect.poll(async () => (await client.health()).problems.join(), { timeout: 15_000 }).toMatch(/pgbouncer/);
    const times: number[] = [];
    for (let round = 0; round < 6; round += 1) times.push(await work());
    // The median, because a busy machine may delay some of them.
    expect(times.toSorted((a, b) => a - b)[3]).toBeLessThan(1_000);
    const said = () =>
      service.processes.map(({ log }) => log.filter((line) => /pgbouncer/.test(String(line['reason']))).length);
    // The API listens for wake-ups, the worker also for hints. Each listener detects the fault by itself.
    await expect.poll(said).toEqual([1, 2]);
    expect(await service.stop('SIGTERM')).toEqual([0, 0]);
  });
});
