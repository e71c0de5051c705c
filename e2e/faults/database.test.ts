/** A database that goes away between the end of a text and its row. Numbers as in docs/guarantees.md. */
import { launchPgbouncer, openSql, type Pgbouncer, type PrivatePostgres, type PrivateServer } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Cluster, Node } from './cluster.ts';
import { clientOf, expectAllSucceeded, expectNoViolation, launch, startedOn, submitMany } from './fault-test.ts';
import { oldestOf } from './faults.ts';
import { longText } from './load-client.ts';
import { scaled } from './scale.ts';
import { faultLasts, until } from './until.ts';

/** A route to Postgres, and how it is lost and found again while texts run. */
interface WayToPostgres {
  readonly size: 'full' | 'postgres';
  readonly reachDatabase: (postgres: PrivatePostgres) => Promise<string>;
  readonly lose: (cluster: Cluster) => Promise<void>;
}

const restartMs = 3_000;

async function restart(server: PrivateServer): Promise<void> {
  await server.crash();
  await faultLasts(restartMs);
  await server.restart();
}

/** The route through pgbouncer in transaction mode, where each statement may use another connection of the server. */
function behindPgbouncer(lose: (pgbouncer: Pgbouncer, cluster: Cluster) => Promise<void>): WayToPostgres {
  let pgbouncer: Pgbouncer | null = null;
  return {
    size: 'postgres',
    async reachDatabase({ url }) {
      const launched = await launchPgbouncer({ postgresUrl: url, poolMode: 'transaction' });
      onTestFinished(async () => await launched.stop());
      pgbouncer = launched;
      return launched.url;
    },
    async lose(cluster) {
      if (pgbouncer === null) throw new TypeError('pgbouncer was launched first.');
      await lose(pgbouncer, cluster);
    },
  };
}

const waysToPostgres: readonly WayToPostgres[] = [
  {
    size: 'postgres',
    reachDatabase: async ({ socketUrl }) => socketUrl,
    lose: async ({ postgres }) => await restart(postgres),
  },
  {
    size: 'full',
    async reachDatabase({ url }) {
      const sql = await openSql(url);
      await sql.execute('create role service login');
      await sql.execute('grant all on schema public to service');
      await sql.close();
      return Object.assign(new URL(url), { username: 'service' }).href;
    },
    async lose(cluster) {
      await cluster.sql('alter role service nologin');
      await cluster.sql(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'`);
      await faultLasts(restartMs);
      await cluster.sql('alter role service login');
    },
  },
  behindPgbouncer(async (pgbouncer) => await restart(pgbouncer)),
  behindPgbouncer(async (_pgbouncer, { postgres }) => await restart(postgres)),
];

/** Texts run when the database is lost, and end while it is away or soon after. */
async function expectNoTextIsLost({ size, reachDatabase, lose }: WayToPostgres): Promise<void> {
  // More than the connections of the worker's pool, so that some outcomes wait for one.
  const texts = scaled(12, 24);
  const leaseSeconds = 30;
  const cluster = await launch({
    size,
    workers: 1,
    reachDatabase,
    // No outcome is written before the database is lost.
    environment: {
      LEASE_SECONDS: String(leaseSeconds),
      WORKERS: String(texts),
      FAILPOINT: 'worker.before_complete:sleep',
    },
    limits: { leaseMs: leaseSeconds * 1_000 },
  });
  const ids = await submitMany(clientOf(cluster), texts, { request: longText });
  const countRunning = async () => (await cluster.sql(`select id from jobs where status = 'running'`)).length;
  await until('all texts to run', async () => (await countRunning()) === texts, 30_000);
  await lose(cluster);
  await cluster.settle(60_000);
  await expectAllSucceeded(cluster, texts);
  expect(ids.map((id) => cluster.startsOf(id))).toEqual(ids.map(() => 1));
  await expectNoViolation(cluster);
}

describe('a Postgres', () => {
  const outages = [
    { size: 'full', leaseSeconds: 20, awayMs: 5_000, starts: [1, 1] },
    { size: 'postgres', leaseSeconds: 3, awayMs: 10_000, starts: [1, 2] },
  ] as const;

  /** Both cases run at the same time on separate databases, because they mostly wait for the outages. */
  it('8: that goes away before a result is written, for less than a lease or more than two, gets the result once when it is back', async () => {
    const goThrough = async ({ size, leaseSeconds, awayMs, starts: [least, most] }: (typeof outages)[number]) => {
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
    };
    await Promise.all(outages.map(goThrough));
  });

  /** All cases run at the same time on separate databases. */
  it('19: that restarts behind a Unix socket or pgbouncer, or locks its role for a while, gets every text once afterwards', async () => {
    await Promise.all(waysToPostgres.map(async (way) => await expectNoTextIsLost(way)));
  });

  it.each(['full', 'postgres'] as const)(
    '9: whose answer to a commit is lost has the result, and nothing is generated again (%s)',
    async (size) => {
      const cluster = await launch({ size, workers: 1 });
      const client = clientOf(cluster);
      // The statements of a result and of a claim commit by themselves.
      const struck = cluster.databaseProxy.dropReplyAfter('insert into "generation_records"');
      const [id = ''] = await submitMany(client, 1);
      await struck;
      await cluster.settle(30_000);
      expect((await client.read(id)).body).toMatchObject({ status: 'succeeded', attempt: 1 });
      expect(cluster.startsOf(id)).toBe(1);
      await expectNoViolation(cluster);
    },
  );

  it('9: whose answer to a claim was lost hands the job out again after the lease', async () => {
    const cluster = await launch({ workers: 1 });
    const client = clientOf(cluster);
    const struck = cluster.databaseProxy.dropReplyAfter(`'job-claimed'`);
    const [id = ''] = await submitMany(client, 1);
    await struck;
    await cluster.settle(30_000);
    expect((await client.read(id)).body).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect(cluster.startsOf(id)).toBe(1);
    await expectNoViolation(cluster);
  });

  it.each(scaled(['postgres'] as const, ['full', 'postgres'] as const))(
    '21: that hangs keeps no process from stopping in time, and accepted jobs are done afterwards (%s)',
    async (size) => {
      const cluster = await launch({ size, workers: 1, environment: { SHUTDOWN_GRACE_SECONDS: '1', WORKERS: '1' } });
      const client = clientOf(cluster);
      const ids = await submitMany(client, 3, { request: longText });
      await until('a job that runs', () => startedOn(oldestOf(cluster, 'workers')).length > 0, 20_000);
      cluster.databaseProxy.blackHole();
      const waiting = [client.submit(), client.submit({ path: '/generate' }), client.read(ids[2] ?? '', 60)];
      await faultLasts(1_000);
      const stop = async (node: Node) => {
        const beganAt = performance.now();
        return { code: await cluster.stopNode(node, 'SIGTERM'), ms: performance.now() - beganAt };
      };
      const [api, worker] = await Promise.all([stop(oldestOf(cluster, 'apis')), stop(oldestOf(cluster, 'workers'))]);
      const heard = (await Promise.all(waiting)).map(({ status, body }) => [status, body['code']]);
      expect(heard).toEqual(waiting.map(() => [503, 'database_unavailable']));
      expect([api.code, worker.code]).toEqual([0, 0]);
      expect(api.ms).toBeLessThan(20_000);
      expect(worker.ms).toBeLessThan(1_000 + 25_000);
      await cluster.databaseProxy.heal();
      await Promise.all([cluster.startApi(), cluster.startWorker()]);
      await cluster.settle(60_000);
      expect(await cluster.sql(`select id from jobs where status <> 'succeeded'`)).toEqual([]);
      await expectNoViolation(cluster);
    },
  );
});
