/** Kills of all processes at once, a service that loses Redis for good, and kills of a service in one process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@prosemill/client';
import { openSql } from '@prosemill/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { checkHistory } from '../proof/history/check-history.ts';
import { createHistoryRecorder } from '../proof/history/record-history.ts';
import { launchStandalone, type Service } from '../launch.ts';
import { defaultLimits } from './cluster.ts';
import { clientOf, expectAllSucceeded, expectNoViolation, launch, submitMany } from './fault-test.ts';
import { LoadClient, longText } from './load-client.ts';
import { scaled } from './scale.ts';
import { faultLasts, until } from './until.ts';

it.each(scaled(['full'] as const, ['full', 'postgres'] as const))(
  'finishes the jobs that were accepted before everything was killed at once (%s)',
  async (size) => {
    const cluster = await launch({ size, apis: 2, workers: 2, environment: { WORKERS: '4' } });
    const client = clientOf(cluster);
    const accepted = [...(await submitMany(client, 20, { request: longText })), ...(await submitMany(client, 80))];
    const flying = Promise.all(
      Array.from({ length: 50 }, async (_, index) => await client.submit({ key: `flying-${index}` })),
    );
    await Promise.all([
      ...[...cluster.apis, ...cluster.workers].map((node) => cluster.stopNode(node, 'SIGKILL')),
      cluster.redis?.crash(),
      cluster.postgres.crash(),
    ]);
    const answers = await flying;
    await Promise.all([cluster.redis?.restart(), cluster.postgres.restart()]);
    await Promise.all([cluster.startApi(), cluster.startApi(), cluster.startWorker(), cluster.startWorker()]);
    await cluster.settle(60_000);
    for (const id of [...accepted, ...answers.flatMap((answer) => answer.id ?? [])]) {
      expect((await client.read(id)).body).toMatchObject({ status: 'succeeded' });
    }
    await expectNoViolation(cluster);
  },
);

it('accepts jobs while Redis is away, and runs them when Redis is back, or after a restart without REDIS_URL', async () => {
  const cluster = await launch({ workers: 1, environment: { WORKERS: '8' } });
  const client = clientOf(cluster);
  await cluster.redis?.crash();
  const end = performance.now() + scaled(10_000, 20 * 60_000);
  let accepted = 0;
  while (performance.now() < end) {
    accepted += (await submitMany(client, 10)).length;
    // No job is run without Redis here: the jobs of 20 minutes must fit into the default bound of the queue.
    await faultLasts(scaled(500, 2_000));
  }
  await cluster.redis?.restart();
  await cluster.settle(scaled(120_000, 600_000));
  await cluster.redis?.crash();
  accepted += (await submitMany(client, 50)).length;
  for (const node of [...cluster.apis, ...cluster.workers]) await cluster.stopNode(node, 'SIGTERM');
  const withoutRedis = { environment: { REDIS_URL: '' } };
  await Promise.all([cluster.startApi(withoutRedis), cluster.startWorker(withoutRedis)]);
  await cluster.settle(60_000);
  await expectAllSucceeded(cluster, accepted);
  await expectNoViolation(cluster);
});

it('survives kills at any moment in one process on SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prosemill-faults-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const url = `sqlite:${join(folder, 'prosemill.db')}`;
  const recorder = createHistoryRecorder({ limits: { ...defaultLimits, mayFail: true } });
  const services: Service[] = [];
  const start = async (): Promise<Service> => {
    const service = await launchStandalone({ DATABASE_URL: url, LEASE_SECONDS: '3', WORKERS: '8' });
    services.push(service);
    onTestFinished(async () => void (await service.stop('SIGKILL')));
    return service;
  };
  for (let kill = 0; kill < scaled(8, 100); kill += 1) {
    const service = await start();
    const client = new LoadClient({ name: `before kill ${kill}`, urls: () => [service.url], recorder });
    const submits = Array.from({ length: 10 }, async (_, index) => {
      for (let answered = true; answered;)
        answered = (await client.submit({ key: `${kill}-${index}` })).status !== null;
    });
    // The moments of the kills are spread over four seconds without a pattern.
    await faultLasts(((kill * 0.618_034) % 1) * 4_000);
    await service.stop('SIGKILL');
    await Promise.all(submits);
  }
  const service = await start();
  const { url: address } = service;
  const unfinished = () => createClient({ url: address }).jobs({ status: ['queued', 'running'] });
  await until('all jobs to end', async () => (await Array.fromAsync(unfinished())).length === 0, 100_000);
  await service.stop('SIGTERM');
  const { execute, ...connection } = await openSql(url);
  expect(await execute('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  for (const { processes } of services)
    for (const { log } of processes) for (const line of log) recorder.addLogLine(line);
  await recorder.readTables(execute);
  const [{ jobs } = {}] = await execute('select count(*) as jobs from jobs');
  expect(jobs).toBeGreaterThan(20);
  // Only a job whose process died three times may be given up.
  const given = `status = 'failed' and error_code = 'worker_lost' and crash_count = 3`;
  expect(await execute(`select id from jobs where status <> 'succeeded' and not (${given})`)).toEqual([]);
  const [{ done } = {}] = await execute(`select count(*) as done from jobs where status = 'succeeded'`);
  // A kill may hit eight jobs, and three kills in a row the same ones.
  expect(done).toBeGreaterThan(0.75 * Number(jobs));
  await connection.close();
  expect(checkHistory(recorder.history)).toEqual([]);
});
