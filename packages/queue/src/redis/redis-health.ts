/** Tracks the parts of Redis that do not work for this process. Logs a line when an outage begins and when it ends. */
import { errorLine, type Logger } from '@prosemill/core';

export interface RedisHealth {
  /** A later reason replaces an earlier one; null, for a connection that was closed, replaces none. */
  lost(part: string, reason: unknown): void;
  restored(part: string): void;
  /** Null while every part works. */
  readonly problem: string | null;
}

/** Pause until an outage is over: a server that returns as a replica, or with other rights, lets clients in first. */
const calmMs = 2_000;

/**
 * Treats all failures as one outage, since connections and their commands fail and recover one after the other. A
 * second reason gets a line only when it is a refusal and the first was not.
 */
export function createRedisHealth(logger: Logger): RedisHealth {
  const reasons = new Map<string, string>();
  let isLogged = false;
  let isRefusalLogged = false;
  let calm: NodeJS.Timeout | undefined;

  return {
    lost(part, error) {
      clearTimeout(calm);
      if (error === null && reasons.has(part)) return;
      const reason = error === null ? 'the connection was closed' : reasonOf(error);
      reasons.set(part, reason);
      if (isLogged && (isRefusalLogged || !isRefusal(error))) {
        return logger.debug({ part, reason }, 'Redis is not available');
      }
      isLogged = true;
      isRefusalLogged = isRefusal(error);
      logger.warn({ part, reason }, 'Redis is not available; jobs are polled for meanwhile');
    },
    restored(part) {
      if (!reasons.delete(part) || reasons.size > 0) return;
      calm = setTimeout(() => {
        isLogged = false;
        isRefusalLogged = false;
        logger.info({}, 'Redis is available again');
      }, calmMs).unref();
    },
    get problem() {
      // An obstacle of the server explains the refusals of other parts, which may come first.
      return reasons.get('server') ?? [...reasons.values()][0] ?? null;
    },
  };
}

/** Leaves out the hash of a script, which means nothing to a reader. */
export const reasonOf = (error: unknown): string => errorLine(error).replace(/ script: [\da-f]{40}\b.*$/s, '');

/**
 * True for an error that Redis answered with: READONLY, NOPERM, LOADING, OOM, CROSSSLOT … No client of the service
 * chooses a command, so none of these errors is a client's fault. UNBLOCKED is left out: it ends a blocking read, on
 * an operator's command or because the server was demoted, and the next command may succeed.
 */
export const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'ReplyError' && !error.message.startsWith('UNBLOCKED');

/** Errors after which another server may be behind the same name, or this one may take another password. */
const wrongServer =
  /(?:^|-)(?:READONLY|UNBLOCKED|LOADING|MASTERDOWN|NOREPLICAS|MISCONF|NOAUTH|WRONGPASS|CLUSTERDOWN|MOVED|ASK|TRYAGAIN) /;

/** True when a new connection may help. Redis 6 wraps errors of scripts: `ERR Error running script … -READONLY …`. */
export const needsNewConnection = ({ message }: Error): boolean => wrongServer.test(message);
