/** Finds reasons in INFO why a server cannot carry hints, or carries them badly. */
import { errorLine, type Logger } from '@prosemill/core';
import { Redis, type RedisOptions } from 'ioredis';
import { commonOptions, isRefusedSelect } from './redis-connection.ts';

export interface ServerReport {
  /** The reason why this server can never work. */
  readonly obstacle: string | null;
  /** Reasons to change a server that works. */
  readonly warnings: readonly string[];
}

/** The first version with BZPOPMIN and streams. */
const oldestVersion = [5, 0] as const;
/** BullMQ advises against older versions. */
const oldestAdvisedVersion = [6, 2] as const;
/** The longest wait of a start for a silent Redis; the start then goes on without it. */
const patienceMs = 1_500;

/** @param info  The reply to INFO. */
export function reportOn(info: string): ServerReport {
  const fields = new Map(
    info.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf(':');
      return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
  const version = fields.get('redis_version') ?? '';
  const policy = fields.get('maxmemory_policy') ?? 'noeviction';
  return {
    obstacle: obstacleOf(version, fields.get('cluster_enabled') === '1'),
    warnings: [
      isOlder(version, oldestAdvisedVersion) && !isOlder(version, oldestVersion)
        ? `Redis ${version} is older than ${oldestAdvisedVersion.join('.')}, and not tested`
        : null,
      policy === 'noeviction'
        ? null
        : `the maxmemory-policy of Redis is ${policy}: it may drop hints, and jobs start seconds later; it should be noeviction`,
    ].filter((warning) => warning !== null),
  };
}

function obstacleOf(version: string, isCluster: boolean): string | null {
  if (isCluster)
    return 'the server is a Redis Cluster (cluster_enabled:1), which is not supported: use one without cluster mode';
  if (isOlder(version, oldestVersion))
    return `the server is Redis ${version}, which is too old: use ${oldestAdvisedVersion.join('.')} or newer`;
  return null;
}

/** False for a version that cannot be read. */
function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, ofMajor, ofMinor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (ofMajor === undefined) return false;
  return Number(ofMajor) < major || (Number(ofMajor) === major && Number(ofMinor) < minor);
}

/**
 * Checks a server once, at a start, on a connection of its own.
 * @returns the reason why this Redis can never work; null also when it does not answer: then it is an outage, which
 *   may end
 */
export async function findObstacle(url: string): Promise<string | null> {
  const options: Omit<RedisOptions, 'replyMapping'> = {
    ...commonOptions,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: patienceMs,
    commandTimeout: patienceMs,
  };
  const client = new Redis(url, options);
  let refusedSelect: unknown = null;
  client.on('error', (error: unknown) => {
    if (isRefusedSelect(error)) refusedSelect = error;
  });
  try {
    await client.connect();
    const { obstacle } = reportOn(await client.info());
    if (obstacle !== null) return obstacle;
  } catch {
    // An outage or a refusal may end.
  } finally {
    client.disconnect();
  }
  return refusedSelect === null ? null : `the database number cannot be used: ${errorLine(refusedSelect)}`;
}

/** Logs each warning that the last check did not give. */
export function createWarningLog(logger: Logger): (warnings: readonly string[]) => void {
  let logged: readonly string[] = [];
  return (warnings) => {
    for (const warning of warnings) if (!logged.includes(warning)) logger.warn({}, warning);
    logged = warnings;
  };
}
