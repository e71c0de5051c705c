/** The faults of a random run. */
import { skewedClock } from '@prosemill/testkit';
import { type Cluster, shortLeaseSeconds } from './cluster.ts';
import {
  type Fault,
  oldestOf,
  redisDemoted,
  redisFrozen,
  redisInBlackHole,
  redisKilled,
  redisRefusing,
  redisSilent,
  redisWithoutRights,
  restartOldest,
} from './faults.ts';
import type { Random } from './random.ts';
import { redisCommand } from './redis-command.ts';

export interface TimedFault extends Fault {
  readonly lastsMs: number;
}

/** The part of the service that a fault breaks. Two faults at once break different parts. */
type Part = 'processes' | 'redis' | 'postgres' | 'everything';

interface Dish extends Fault {
  readonly part: Part;
  readonly lastsMs: readonly [low: number, high: number];
}

const leaseMs = shortLeaseSeconds * 1_000;
const outage = [500, 10_000] as const;
const atOnce = [0, 0] as const;
const nothing = (): void => undefined;
/** Ten minutes ahead or behind. */
const skews = [600_000, -600_000] as const;

/** The probability that a second fault comes with the first. */
const shareOfPairs = 0.25;

/** @returns a menu whose `next` draws one or two faults with equal probability */
export function createFaultMenu(cluster: Cluster, random: Random): { next(): readonly TimedFault[] } {
  const dishes = [...processFaults(random), ...serverFaults, ...(cluster.disk === null ? [] : diskFaults)].filter(
    ({ part }) => part !== 'redis' || cluster.redis !== null,
  );
  const timed = (dish: Dish): TimedFault => ({ ...dish, lastsMs: random.between(dish.lastsMs) });
  return {
    next() {
      const first = random.pick(dishes);
      const others = dishes
        .filter(({ part }) => part === 'redis' || part === 'postgres')
        .filter(({ part }) => part !== first.part);
      if (first.part === 'everything' || others.length === 0 || random.next() >= shareOfPairs) return [timed(first)];
      return [timed(first), timed(random.pick(others))];
    },
  };
}

function processFaults(random: Random): readonly Dish[] {
  const kill = (kind: 'apis' | 'workers'): Dish => ({
    name: `one of the ${kind} killed`,
    part: 'processes',
    lastsMs: outage,
    begin: async (cluster) => void (await cluster.stopNode(random.pick(cluster[kind]), 'SIGKILL')),
    heal: async (cluster) => void (await (kind === 'apis' ? cluster.startApi() : cluster.startWorker())),
  });
  return [
    kill('apis'),
    kill('workers'),
    {
      name: 'a worker frozen',
      part: 'processes',
      lastsMs: [leaseMs / 2, 3 * leaseMs],
      begin: (cluster) => void oldestOf(cluster, 'workers').process.child.kill('SIGSTOP'),
      heal: (cluster) => void oldestOf(cluster, 'workers').process.child.kill('SIGCONT'),
    },
    {
      name: 'an API and a worker restarted',
      part: 'processes',
      lastsMs: atOnce,
      async begin(cluster) {
        await restartOldest(cluster, 'apis');
        await restartOldest(cluster, 'workers');
      },
      heal: nothing,
    },
    {
      name: 'a worker and an API replaced by ones with a wrong clock',
      part: 'processes',
      lastsMs: atOnce,
      async begin(cluster) {
        const skewMs = random.pick(skews);
        const options = { environment: await skewedClock(skewMs), skewMs };
        await cluster.stopNode(oldestOf(cluster, 'workers'), 'SIGTERM');
        await cluster.startWorker(options);
        await cluster.stopNode(oldestOf(cluster, 'apis'), 'SIGTERM');
        await cluster.startApi(options);
      },
      heal: nothing,
    },
  ];
}

const redisFaults: readonly Dish[] = [
  redisKilled,
  redisFrozen,
  redisRefusing,
  redisInBlackHole,
  redisSilent,
  redisDemoted,
  redisWithoutRights('refuses scripts and blocking reads', '-eval -evalsha -bzpopmin'),
].map(({ name, begin, heal }) => ({
  name: `Redis ${name}`,
  begin,
  heal,
  lastsMs: outage,
  part: 'redis',
}));

const diskFaults: readonly Dish[] = [
  {
    name: 'the disk of Postgres full',
    // Pages with free space take rows for some more seconds.
    lastsMs: [5_000, 10_000],
    part: 'postgres',
    begin: ({ disk }) => disk?.fill(),
    heal: ({ disk }) => disk?.free(),
  },
];

const serverFaults: readonly Dish[] = [
  ...redisFaults,
  {
    name: 'Redis emptied',
    lastsMs: atOnce,
    part: 'redis',
    begin: async ({ redis }) => void (await redisCommand(redis?.url ?? '', 'FLUSHALL')),
    heal: nothing,
  },
  {
    name: 'Postgres killed',
    part: 'postgres',
    lastsMs: outage,
    begin: async ({ postgres }) => await postgres.crash(),
    heal: async ({ postgres }) => await postgres.restart(),
  },
  {
    name: 'Postgres frozen',
    part: 'postgres',
    lastsMs: outage,
    begin: ({ postgres }) => postgres.freeze(),
    heal: ({ postgres }) => postgres.thaw(),
  },
  {
    name: 'every connection to Postgres cut',
    part: 'postgres',
    lastsMs: atOnce,
    begin: ({ databaseProxy }) => databaseProxy.reset(),
    heal: nothing,
  },
  {
    name: 'Postgres silent on every open connection',
    lastsMs: atOnce,
    part: 'postgres',
    begin: ({ databaseProxy }) => databaseProxy.swallow(),
    heal: nothing,
  },
  {
    name: 'Postgres in a black hole',
    part: 'postgres',
    lastsMs: outage,
    begin: ({ databaseProxy }) => databaseProxy.blackHole(),
    heal: async ({ databaseProxy }) => await databaseProxy.heal(),
  },
  {
    name: 'Postgres slow',
    part: 'postgres',
    lastsMs: [5_000, 15_000],
    begin: ({ databaseProxy }) => databaseProxy.setLatency({ toServerMs: 50, toClientMs: 50 }),
    heal: async ({ databaseProxy }) => await databaseProxy.heal(),
  },
  {
    name: 'everything killed',
    part: 'everything',
    lastsMs: outage,
    async begin(cluster) {
      const nodes = [...cluster.apis, ...cluster.workers];
      await Promise.all([
        ...nodes.map((node) => cluster.stopNode(node, 'SIGKILL')),
        cluster.redis?.crash(),
        cluster.postgres.crash(),
      ]);
    },
    async heal(cluster) {
      await Promise.all([cluster.redis?.restart(), cluster.postgres.restart()]);
      const apis = [1, 2].map(() => cluster.startApi());
      await Promise.all([...apis, ...[1, 2, 3].map(() => cluster.startWorker())]);
    },
  },
];
