/** Faults that begin and heal, for single tests and for random runs. */
import type { Cluster, Node } from './cluster.ts';
import { redisCommand } from './redis-command.ts';

export interface Fault {
  readonly name: string;
  readonly begin: (cluster: Cluster) => Promise<void> | void;
  readonly heal: (cluster: Cluster) => Promise<void> | void;
}

export const redisKilled: Fault = {
  name: 'killed',
  begin: async ({ redis }) => await redis?.crash(),
  heal: async ({ redis }) => await redis?.restart(),
};

export const redisFrozen: Fault = {
  name: 'frozen',
  begin: ({ redis }) => redis?.freeze(),
  heal: ({ redis }) => redis?.thaw(),
};

export const redisRefusing: Fault = {
  name: 'refusing',
  begin({ redisProxy }) {
    redisProxy?.refuse();
    redisProxy?.reset();
  },
  heal: async ({ redisProxy }) => await redisProxy?.heal(),
};

export const redisInBlackHole: Fault = {
  name: 'in a black hole',
  begin: ({ redisProxy }) => redisProxy?.blackHole(),
  heal: async ({ redisProxy }) => await redisProxy?.heal(),
};

/** Open connections die silently; new ones work. */
export const redisSilent: Fault = {
  name: 'silent on every open connection',
  begin: ({ redisProxy }) => redisProxy?.swallow(),
  heal: () => undefined,
};

/** A Redis that a failover left behind: it allows reads and refuses writes. Its primary does not answer. */
export const redisDemoted: Fault = {
  name: 'demoted',
  begin: async (cluster) => await tellRedis(cluster, 'REPLICAOF 127.0.0.1 1'),
  heal: async (cluster) => await tellRedis(cluster, 'REPLICAOF NO ONE'),
};

/** Redis answers MASTERDOWN to every command. */
export const redisWithoutPrimary: Fault = {
  name: 'a replica without its primary',
  begin: async (cluster) => await tellRedis(cluster, 'CONFIG SET replica-serve-stale-data no', 'REPLICAOF 127.0.0.1 1'),
  heal: async (cluster) => await tellRedis(cluster, 'REPLICAOF NO ONE', 'CONFIG SET replica-serve-stale-data yes'),
};

/** Takes these rights from the user of all clients. Other commands stay, so that the rights can be given back. */
export const redisWithoutRights = (name: string, rights: string): Fault => ({
  name,
  begin: async (cluster) => await tellRedis(cluster, `ACL SETUSER default ${rights}`),
  heal: async (cluster) => await tellRedis(cluster, 'ACL SETUSER default +@all ~* &*'),
});

async function tellRedis({ redis }: Cluster, ...commands: readonly string[]): Promise<void> {
  for (const command of commands) await redisCommand(redis?.url ?? '', command);
}

/**
 * Stops the oldest process with SIGTERM, then starts a new one in its place.
 * @returns the exit code of the old one
 */
export async function restartOldest(cluster: Cluster, kind: 'apis' | 'workers'): Promise<number | null> {
  const code = await cluster.stopNode(oldestOf(cluster, kind), 'SIGTERM');
  if (kind === 'apis') await cluster.startApi();
  else await cluster.startWorker();
  return code;
}

export function oldestOf(cluster: Cluster, kind: 'apis' | 'workers'): Node {
  const [oldest] = cluster[kind];
  if (oldest === undefined) throw new TypeError(`There are no ${kind}.`);
  return oldest;
}
