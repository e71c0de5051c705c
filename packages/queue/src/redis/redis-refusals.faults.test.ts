/** A Redis that refuses commands. */
import { type Hint, type LogFields, type Logger, newId } from '@prosemill/core';
import { launchRedis, startTcpProxy } from '@prosemill/testkit';
import { Redis } from 'ioredis';
import { describe, it, type TestContext } from 'vitest';
import type { Queue } from '../queue.ts';
import { createRedisQueue } from './redis-queue.ts';

interface Line extends LogFields {
  readonly level: string;
  readonly message: string;
}

/** Keeps every line. */
function createListLogger(lines: Line[]): Logger {
  const at =
    (level: string) =>
    (fields: LogFields, message: string): void =>
      void lines.push({ ...fields, level, message });
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}

/** Empty also for a server that is too busy to answer in time: that may end, and a start goes on. */
const reasonAtStart = async (queue: Queue): Promise<string> => await queue.requireUsable().then(() => '', String);

const hint = (): Hint => ({ id: newId(), epoch: 0 });

interface SetUpOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** Commands before the queue is there. */
  readonly atStart?: readonly string[];
}

/** A Redis of the test's own, a client that keeps all rights, and a queue. */
async function setUp({ expect, onTestFinished }: TestContext, { settings = {}, atStart = [] }: SetUpOptions = {}) {
  const server = await launchRedis(settings);
  const boot = new Redis(server.url);
  await boot.acl('SETUSER', 'admin', 'on', '>admin', '~*', '&*', '+@all');
  boot.disconnect();
  const admin = new Redis(server.url, { username: 'admin', password: 'admin' });
  admin.on('error', () => undefined);
  for (const command of atStart) await send(admin, command);
  const lines: Line[] = [];
  const proxy = await startTcpProxy(server.url);
  const queue = createRedisQueue({ url: proxy.url, prefix: 'test', logger: createListLogger(lines) });
  onTestFinished(async () => {
    admin.disconnect();
    await queue.stop();
    await proxy.stop();
    await server.stop();
  });
  let permits = 0;
  let looks = 0;
  let claimable = 0;
  const heard: string[] = [];
  queue.wakeUps.subscribe(({ ids }) => heard.push(...ids));
  await queue.wakeUps.start();
  await queue.receiver.start({
    concurrency: 4,
    leaseMs: 30_000,
    onPermit: async () => {
      permits += 1;
      return 'nothing';
    },
    countClaimable: async () => {
      looks += 1;
      return claimable;
    },
  });

  return {
    admin,
    proxy,
    queue,
    lines,
    countPermits: () => permits,
    countLooks: () => looks,
    /** The receiver finds rows although hints are lost. */
    expectLooks: async () => {
      claimable = 3;
      const before = permits;
      await expect.poll(() => permits).toBeGreaterThan(before);
      claimable = 0;
    },
    warnings: () => lines.filter(({ level }) => level === 'warn'),
    run: async (...commands: readonly string[]) => {
      for (const command of commands) await send(admin, command);
    },
    /** The permit comes by a hint: the receiver's looks find nothing claimable. */
    expectConsumption: async () => {
      await expect.poll(async () => await queue.sender.send([hint()]).then(() => 'sent', String)).toBe('sent');
      const before = permits;
      await queue.sender.send([hint()]);
      await expect.poll(() => permits).toBeGreaterThan(before);
      await expect
        .poll(() => {
          queue.wakeUps.publish({ type: 'job-changed', ids: ['a'] });
          return heard.splice(0);
        })
        .toContain('a');
      await expect.poll(() => queue.problems()).toEqual([]);
    },
  };
}

async function send(client: Redis, command: string): Promise<unknown> {
  const [name = '', ...args] = command.split(' ');
  return await client.call(name, ...args);
}

/** Counts the commands of all clients but the one that asks. */
async function countCommands(admin: Redis): Promise<number> {
  const stats = await admin.info('commandstats');
  return [...stats.matchAll(/^cmdstat_(?!info|acl)[^:]+:calls=(\d+).*?rejected_calls=(\d+)/gm)]
    .map(([, calls, rejected]) => Number(calls) + Number(rejected))
    .reduce((sum, calls) => sum + calls, 0);
}

const refusals = [
  { name: 'was demoted', begin: ['REPLICAOF 127.0.0.1 1'], heal: ['REPLICAOF NO ONE'], code: 'READONLY' },
  {
    name: 'has lost its primary',
    begin: ['CONFIG SET replica-serve-stale-data no', 'REPLICAOF 127.0.0.1 1'],
    heal: ['REPLICAOF NO ONE'],
    code: 'MASTERDOWN',
  },
  {
    name: 'permits no scripts',
    begin: ['ACL SETUSER default -eval -evalsha'],
    heal: ['ACL SETUSER default +@all'],
    code: 'NOPERM',
  },
  {
    name: 'permits no blocking reads',
    begin: ['ACL SETUSER default -bzpopmin'],
    heal: ['ACL SETUSER default +@all'],
    code: 'NOPERM',
  },
  {
    name: 'permits no writes inside of scripts',
    begin: ['ACL SETUSER default -lpush -rpoplpush'],
    heal: ['ACL SETUSER default +@all'],
    code: 'The user executing the script',
  },
  {
    name: 'permits no keys',
    begin: ['ACL SETUSER default resetkeys'],
    heal: ['ACL SETUSER default ~*'],
    code: 'NOPERM',
  },
  {
    name: 'permits no command at all',
    begin: ['ACL SETUSER default -@all'],
    heal: ['ACL SETUSER default +@all'],
    code: 'NOPERM',
  },
  {
    name: 'has a new password',
    begin: ['ACL SETUSER default resetpass >other', 'CLIENT KILL USER default'],
    heal: ['ACL SETUSER default nopass'],
    code: 'NOAUTH',
  },
  {
    name: 'has switched the user off',
    begin: ['ACL SETUSER default off', 'CLIENT KILL USER default'],
    heal: ['ACL SETUSER default on nopass'],
    code: 'NOAUTH',
  },
  {
    name: 'lacks replicas',
    begin: ['CONFIG SET min-replicas-to-write 1'],
    heal: ['CONFIG SET min-replicas-to-write 0'],
    code: 'NOREPLICAS',
  },
  { name: 'is full', begin: ['CONFIG SET maxmemory 1'], heal: ['CONFIG SET maxmemory 0'], code: 'OOM' },
  {
    name: 'has no connection left',
    begin: ['CONFIG SET maxclients 1', 'CLIENT KILL USER default'],
    heal: ['CONFIG SET maxclients 100'],
    code: 'ERR max number of clients',
  },
] as const;

describe.concurrent('a Redis that', () => {
  it.for(refusals)(
    '$name is an outage: logged once, bridged by polls, retried with pauses, and over when it heals',
    async (refusal, context) => {
      const { expect } = context;
      const { admin, queue, lines, warnings, run, expectConsumption, expectLooks } = await setUp(context);
      await expectConsumption();
      await run(...refusal.begin);
      await expect
        .poll(async () => {
          await queue.sender.send([hint()]).catch(() => undefined);
          return queue.problems().join();
        })
        .toContain(refusal.code);
      await expectLooks();

      const [begin, countedFrom] = [performance.now(), await countCommands(admin)];
      await expect.poll(() => performance.now() - begin, { timeout: 10_000 }).toBeGreaterThan(4_000);
      const commands = (await countCommands(admin)) - countedFrom;
      expect(commands / ((performance.now() - begin) / 1_000)).toBeLessThan(20);

      await run(...refusal.heal);
      const healedAt = performance.now();
      await expectConsumption();
      expect(performance.now() - healedAt).toBeLessThan(15_000);
      expect(
        warnings()
          .map(({ reason }) => String(reason))
          .join(),
      ).toContain(refusal.code);
      await expect.poll(() => lines.filter(({ message }) => message === 'Redis is available again').length).toBe(1);
    },
  );

  it('was demoted for good is replaced by the primary behind the same name', async (context) => {
    const { proxy, run, expectConsumption } = await setUp(context);
    const primary = await launchRedis();
    context.onTestFinished(async () => await primary.stop());
    await expectConsumption();
    proxy.redirect(primary.url);
    const { hostname, port } = new URL(primary.url);
    await run(`REPLICAOF ${hostname} ${port}`);
    await expectConsumption();
  });

  it('is loading is an outage too', async (context) => {
    const { expect } = context;
    const settings = {
      'enable-debug-command': 'yes',
      'key-load-delay': '200',
      'loading-process-events-interval-bytes': '1024',
    };
    const { admin, queue, run, expectConsumption, expectLooks, warnings } = await setUp(context, { settings });
    await expectConsumption();
    await run('DEBUG POPULATE 20000');
    const loading = send(admin, 'DEBUG RELOAD');
    await expect.poll(async () => await queue.sender.send([hint()]).then(() => 'sent', String)).toContain('LOADING');
    await expectLooks();
    await loading;
    await expectConsumption();
    expect(warnings().map(({ reason }) => String(reason))).toContainEqual(expect.stringMatching(/^LOADING/));
  });

  it('is busy with a script is an outage too', async (context) => {
    const { expect } = context;
    const { admin, queue, run, expectConsumption, expectLooks } = await setUp(context, {
      settings: { 'busy-reply-threshold': '50' },
    });
    await expectConsumption();
    const busy = admin.duplicate();
    context.onTestFinished(() => busy.disconnect());
    busy.eval('while true do end', 0).catch(() => undefined);
    await expect
      .poll(async () => await queue.sender.send([hint()]).then(() => 'sent', String), { timeout: 10_000 })
      .toContain('BUSY');
    await expectLooks();
    await run('SCRIPT KILL');
    await expectConsumption();
  });

  it.for([
    { name: 'is a replica', settings: {}, begin: 'REPLICAOF 127.0.0.1 1', heal: 'REPLICAOF NO ONE' },
    { name: 'lets nobody in', settings: {}, begin: 'ACL SETUSER default off', heal: 'ACL SETUSER default on' },
    { name: 'permits nothing', settings: {}, begin: 'ACL SETUSER default -@all', heal: 'ACL SETUSER default +@all' },
  ])('$name at the start is bridged by polls, and used when it heals', async ({ begin, heal }, context) => {
    const { expect } = context;
    const { queue, run, expectConsumption, expectLooks } = await setUp(context, { atStart: [begin] });
    await expectLooks();
    await expect.poll(() => queue.problems()).toHaveLength(1);
    await run(heal);
    await expectConsumption();
  });

  it.for([
    { name: 'published wake-ups', begin: 'ACL SETUSER default -publish', heal: 'ACL SETUSER default +publish' },
    { name: 'wake-ups', begin: 'ACL SETUSER default resetchannels', heal: 'ACL SETUSER default allchannels' },
    { name: 'subscriptions', begin: 'ACL SETUSER default -subscribe', heal: 'ACL SETUSER default +subscribe' },
    {
      name: 'rate limits',
      begin: 'ACL SETUSER default resetkeys ~test:hints:*',
      heal: 'ACL SETUSER default allkeys',
    },
  ])('refuses only $name goes on with everything else, and reports it', async ({ begin, heal }, context) => {
    const { expect } = context;
    const { queue, run, expectConsumption, lines, countPermits, countLooks } = await setUp(context);
    await expectConsumption();
    const looks = countLooks();
    await run(begin, 'CLIENT KILL TYPE pubsub');
    await expect
      .poll(async () => {
        queue.wakeUps.publish({ type: 'job-changed', ids: ['a'] });
        await queue.rateLimiter.take({ bucket: 'bucket', perMinute: 10 });
        return queue.problems().join();
      })
      .toContain('NOPERM');
    const before = countPermits();
    // A machine that stands still for a second loses its connection, which comes back.
    await expect.poll(async () => await queue.sender.send([hint()]).then(() => 'sent', String)).toBe('sent');
    await expect.poll(countPermits).toBeGreaterThan(before);
    await run(heal);
    await expectConsumption();
    expect(countLooks()).toBe(looks);
    await expect.poll(() => lines.filter(({ message }) => message === 'Redis is available again').length).toBe(1);
  });

  it('is a cluster is reported in words, and gets no more commands', async (context) => {
    const { expect } = context;
    const { admin, queue, expectLooks } = await setUp(context, { settings: { 'cluster-enabled': 'yes' } });
    await expect
      .poll(async () => await reasonAtStart(queue))
      .toMatch(/REDIS_URL: the server is a Redis Cluster \(cluster_enabled:1\)/);
    await expect.poll(() => queue.problems()[0]).toMatch(/is a Redis Cluster/);
    await send(admin, 'CLUSTER ADDSLOTSRANGE 0 16383');
    const [begin, countedFrom] = [performance.now(), await countCommands(admin)];
    await expect.poll(() => performance.now() - begin).toBeGreaterThan(3_000);
    expect((await countCommands(admin)) - countedFrom).toBeLessThan(60);
    await expectLooks();
  });

  it('lacks the database of the URL is never used with another one', async (context) => {
    const { expect } = context;
    const server = await launchRedis();
    const client = new Redis(server.url);
    const lines: Line[] = [];
    const queue = createRedisQueue({ url: `${server.url}/99`, prefix: 'test', logger: createListLogger(lines) });
    context.onTestFinished(async () => {
      client.disconnect();
      await queue.stop();
      await server.stop();
    });
    await expect
      .poll(async () => await reasonAtStart(queue))
      .toMatch(/REDIS_URL: the database number cannot be used: ERR DB index/);
    await queue.wakeUps.start();
    await queue.receiver.start({
      concurrency: 1,
      leaseMs: 30_000,
      onPermit: async () => 'nothing',
      countClaimable: async () => 0,
    });
    const begin = performance.now();
    while (performance.now() - begin < 3_000) {
      await expect(queue.sender.send([hint()])).rejects.toThrow();
      expect(queue.problems()).toHaveLength(1);
    }
    expect(queue.problems()[0]).toContain('DB index is out of range');
    expect(await client.dbsize()).toBe(0);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    expect(lines.filter(({ level }) => level === 'info')).toEqual([]);
  });
});
