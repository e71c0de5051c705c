/** A Redis that is away, silent, empty, refuses, or repeats hints. Numbers as in docs/guarantees.md. */
import { createClient } from '@prosemill/client';
import { createQueue } from '@prosemill/queue';
import { childProcesses, silentLogger } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Node, shortLeaseSeconds } from './cluster.ts';
import { clientOf, expectAllSucceeded, expectNoViolation, launch, percentile, submitMany } from './fault-test.ts';
import {
  type Fault,
  oldestOf,
  redisDemoted,
  redisFrozen,
  redisInBlackHole,
  redisKilled,
  redisRefusing,
  redisSilent,
  redisWithoutPrimary,
  redisWithoutRights,
} from './faults.ts';
import { longText } from './load-client.ts';
import { countCommands, deliveriesOf, hintsIn, redisCommand } from './redis-command.ts';
import { scaled } from './scale.ts';
import { faultLasts, patience, until } from './until.ts';

/** The promise for an answer that does not wait for Redis. */
const answerMs = 1_500;
/** BullMQ checks every 10 s: one check marks a hint without a lock, the next one delivers it. */
const secondDeliveryMs = 20_000;
/** The promise after an outage. */
const resumeMs = 15_000;
/** The promise for the retries of one process. */
const retriesPerSecond = 20;

describe('a Redis', () => {
  it('4: that loses everything costs no job', async () => {
    const cluster = await launch({ environment: { WORKERS: '2' } });
    const client = clientOf(cluster);
    await submitMany(client, 4, { request: longText });
    await submitMany(client, 200);
    const running = async () => await cluster.sql(`select id from jobs where status = 'running'`);
    await until('four running jobs', async () => (await running()).length === 4, 10_000);
    await redisCommand(cluster.redis?.url ?? '', 'FLUSHALL');
    await submitMany(client, 100);
    await cluster.redis?.crash();
    await cluster.redis?.restart();
    await cluster.settle(120_000);
    await expectAllSucceeded(cluster, 304);
    await expectNoViolation(cluster);
  });

  it('4: that loses ten thousand hints has them again within a minute', async () => {
    const cluster = await launch({ workers: 1, environment: { FAILPOINT: 'worker.after_claim:sleep' } });
    await submitMany(clientOf(cluster), 1);
    await cluster.sql(`
      insert into jobs (id, owner_id, status, version, class, turn, prompt, parameters, seed, attempt, released_count, crash_count,
        max_attempts, dispatch_epoch, available_at, created_at)
      select gen_random_uuid(), owner_id, 'queued', 1, class, turn + number, prompt, parameters, seed, 0, 0, 0, max_attempts, 0, created_at, created_at
      from jobs, generate_series(1, 10000) as number`);
    await redisCommand(cluster.redis?.url ?? '', 'FLUSHALL');
    const hints = async () => await hintsIn(cluster.redis?.url ?? '', 'wait');
    await expect.poll(hints, { timeout: 60_000 }).toBeGreaterThanOrEqual(9_990);
  });

  it('5: that refuses, is killed, frozen, in a black hole or silent delays no answer', async () => {
    const cluster = await launch({ workers: 1, environment: { WORKERS: '8' } });
    const client = clientOf(cluster);
    const url = cluster.redis?.url ?? '';
    const deliversHints = async () => {
      // A reply of Redis is read up to its first packet, so the record holds this hint only.
      await redisCommand(url, 'XTRIM prosemill:hints:events MAXLEN 0');
      const [id = ''] = await submitMany(client, 1);
      await until('its hint', async () => (await deliveriesOf(url, id)) === 1, 2_000);
      return true;
    };
    for (const { begin, heal, name } of [redisRefusing, redisKilled, redisFrozen, redisInBlackHole, redisSilent]) {
      await until(`hints before Redis is ${name}`, deliversHints, patience * secondDeliveryMs);
      await begin(cluster);
      cluster.recorder.add({ type: 'fault-start', fault: name });
      const answers = await Promise.all(
        Array.from({ length: 100 }, async (_, index) =>
          client.submit(index % 2 === 0 ? {} : { path: '/generate', waitSeconds: 0 }),
        ),
      );
      expect([name, answers.filter(({ status }) => status !== 202)]).toEqual([name, []]);
      const times = answers.map(({ tookMs }) => tookMs);
      expect(percentile(times, 0.99), `ms, ${name}`).toBeLessThan(patience * answerMs);
      await heal(cluster);
      cluster.recorder.add({ type: 'fault-healed', fault: name });
      await cluster.settle(60_000);
      expect(await cluster.sql(`select id from jobs where status <> 'succeeded'`)).toEqual([]);
    }
    await expectNoViolation(cluster);
  });

  const outages = [
    { fault: redisKilled, isBusy: false },
    { fault: redisFrozen, isBusy: true },
  ];
  const allOutages = [...outages, { fault: redisKilled, isBusy: true }, { fault: redisFrozen, isBusy: false }];

  /** All cases run at the same time on separate services, because they mostly wait for the outages. */
  it('6: that was away for 20 s is consumed from again, by idle workers and by busy ones', async () => {
    const goThrough = async ({ fault, isBusy }: (typeof allOutages)[number]) => {
      const cluster = await launch();
      const client = clientOf(cluster);
      await submitMany(client, isBusy ? 300 : 2);
      if (!isBusy) await cluster.settle(20_000);
      await fault.begin(cluster);
      await faultLasts(20_000);
      await fault.heal(cluster);
      // Class 0 comes before all waiting jobs.
      const { id } = await client.submit({ path: '/generate', waitSeconds: 0 });
      const what = `workers to consume again, after ${fault.name}, busy: ${isBusy}`;
      await until(what, () => cluster.startsOf(id ?? '') > 0, patience * resumeMs);
      await cluster.settle(90_000);
      await expectAllSucceeded(cluster, isBusy ? 301 : 3);
      await expectNoViolation(cluster);
    };
    await Promise.all(scaled(outages, allOutages).map(goThrough));
  });

  it('6: that disconnected its clients is consumed from again', async () => {
    const cluster = await launch();
    const client = clientOf(cluster);
    await submitMany(client, 100);
    for (const type of ['normal', 'pubsub']) await redisCommand(cluster.redis?.url ?? '', `CLIENT KILL TYPE ${type}`);
    const { id } = await client.submit({ path: '/generate', waitSeconds: 0 });
    await until('consumption to resume', () => cluster.startsOf(id ?? '') > 0, patience * resumeMs);
    await cluster.settle(60_000);
    await expectAllSucceeded(cluster, 101);
    await expectNoViolation(cluster);
  });

  it('7: that was frozen while one job ended and another went on delivers both hints again, and neither job runs twice', async () => {
    const cluster = await launch({ workers: 0 });
    const client = clientOf(cluster);
    const first = await cluster.startWorker({ environment: { ENGINE_HANG_SECONDS: '300' } });
    signalEngine(first, 'SIGSTOP');
    onTestFinished(() => signalEngine(first, 'SIGCONT'));
    const [running = ''] = await submitMany(client, 1);
    await until('a job that goes on', () => cluster.startsOf(running) === 1, 10_000);
    await cluster.startWorker({ environment: { FAILPOINT: 'worker.before_complete:sleep' } });
    const [ending = ''] = await submitMany(client, 1);
    await until('a job that is about to end', () => cluster.startsOf(ending) === 1, 10_000);

    cluster.redis?.freeze();
    await until('its end', async () => (await cluster.countSucceeded()) === 1, 30_000);
    // Waits until the locks of both hints expire, so that the hints count as stalled.
    await faultLasts(2 * shortLeaseSeconds * 1_000);
    cluster.redis?.thaw();
    const url = cluster.redis?.url ?? '';
    for (const id of [running, ending]) {
      await until('the second delivery', async () => (await deliveriesOf(url, id)) === 2, patience * secondDeliveryMs);
    }
    await until('its end', async () => (await hintsIn(url, 'active')) + (await hintsIn(url, 'wait')) === 0, 10_000);
    expect((await client.read(running)).body).toMatchObject({ status: 'running', attempt: 1 });
    signalEngine(first, 'SIGCONT');
    await cluster.settle(30_000);
    expect([running, ending].map((id) => cluster.startsOf(id))).toEqual([1, 1]);
    await expectAllSucceeded(cluster, 2);
    await expectNoViolation(cluster);
  });

  const refusals: readonly (Fault & { readonly code: RegExp })[] = [
    { ...redisDemoted, code: /^READONLY / },
    { ...redisWithoutPrimary, code: /^(?:READONLY|MASTERDOWN) / },
    { ...redisWithoutRights('refusing scripts', '-eval -evalsha'), code: /^NOPERM / },
    { ...redisWithoutRights('refusing blocking reads', '-bzpopmin'), code: /^NOPERM / },
  ];

  it('17: that answers but refuses is replaced by polling, and consumed from again afterwards', async () => {
    const goThrough = async ({ name, code, begin, heal }: (typeof refusals)[number]) => {
      const cluster = await launch({ environment: { WORKERS: '4' } });
      const client = clientOf(cluster);
      const processes = [...cluster.apis, ...cluster.workers];
      const service = createClient({ url: oldestOf(cluster, 'apis').url });
      const linesOf = (message: string) =>
        cluster.workers.map(({ process }) => process.log.filter(({ msg }) => String(msg).startsWith(message)));
      await submitMany(client, 2);
      await cluster.settle(20_000);

      await begin(cluster);
      cluster.recorder.add({ type: 'fault-start', fault: name });
      await submitMany(client, 50);
      await cluster.settle(20_000);
      await until(`/health to tell of ${name}`, async () => (await service.health()).status === 'degraded', 10_000);
      expect((await service.health()).problems.join()).toContain('Hints and wake-ups are late');
      const before = await countCommands(cluster.redis?.url ?? '');
      await faultLasts(5_000);
      const commands = (await countCommands(cluster.redis?.url ?? '')) - before;
      expect(commands / 5 / processes.length).toBeLessThan(retriesPerSecond);
      for (const lines of linesOf('Redis is not available')) {
        expect(lines.map(({ part, reason }) => `${String(part)}: ${String(reason)}`)).toHaveLength(1);
        expect(lines[0]?.['reason']).toMatch(code);
      }

      await heal(cluster);
      cluster.recorder.add({ type: 'fault-healed', fault: name });
      const healedAt = performance.now();
      await until(
        'the end of the outage',
        async () => (await service.health()).status === 'healthy',
        patience * resumeMs,
      );
      await until(
        'no more polling',
        async () => linesOf('Redis is available again').every(({ length }) => length === 1),
        5_000,
      );
      expect(performance.now() - healedAt).toBeLessThan(patience * resumeMs);
      const [id = ''] = await submitMany(client, 1);
      await until('its hint', async () => (await deliveriesOf(cluster.redis?.url ?? '', id)) === 1, 5_000);
      await cluster.settle(20_000);
      await expectAllSucceeded(cluster, 53);
      await expectNoViolation(cluster);
    };
    await Promise.all(scaled(refusals.slice(0, 3), refusals).map(goThrough));
  });

  it.each(['full', 'postgres'] as const)(
    '10: that delivers each hint fifty times starts each job once (%s)',
    async (size) => {
      const cluster = await launch({ size, workers: 4 });
      const client = clientOf(cluster);
      const queue = createQueue({
        databaseUrl: cluster.postgres.url,
        redisUrl: cluster.redis?.url,
        logger: silentLogger,
      });
      const ids = await submitMany(client, 10);
      const copies = ids.flatMap((id) => Array.from({ length: 50 }, (_, copy) => ({ id, epoch: 1_000 + copy })));
      await until('the hints to be sent', async () => queue.sender.send(copies).then(() => true), 10_000);
      await cluster.settle(60_000);
      await queue.stop();
      expect(ids.map((id) => cluster.startsOf(id))).toEqual(ids.map(() => 1));
      await expectAllSucceeded(cluster, ids.length);
      await expectNoViolation(cluster);
    },
  );
});

/** Sends a signal to the engine of this worker, while the worker goes on. */
function signalEngine({ process: { child } }: Node, signal: NodeJS.Signals): void {
  const engines = childProcesses(child.pid ?? 0).filter(({ command }) => command.includes('process/main.ts'));
  for (const { pid } of engines) process.kill(pid, signal);
}
