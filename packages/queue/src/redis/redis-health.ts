/** Redis as this process sees it: which parts do not work, and why. One line in the log when an outage begins, one when it is over. */
import { errorLine, type Logger } from '@prosemill/core';

export interface RedisHealth {
  /** A part does not work; a later reason replaces an earlier one, and a connection that was merely closed replaces none. */
  lost(part: string, reason: unknown): void;
  restored(part: string): void;
  /** Null while every part works. */
  readonly problem: string | null;
}

/** A server that comes back as a replica, or with other rights, lets everybody in first. */
const calmMs = 2_000;

/**
 * The connections and the commands on them fail one after the other, and come back one after the other: all that is one outage. A second reason is
 * worth a line only when it is an answer of Redis's, and the first was none.
 */
export function createRedisHealth(logger: Logger): RedisHealth {
  const reasons = new Map<string, string>();
  let isTold = false;
  let isRefusalTold = false;
  let calm: NodeJS.Timeout | undefined;

  return {
    lost(part, error) {
      clearTimeout(calm);
      if (error === null && reasons.has(part)) return;
      const reason = error === null ? 'the connection was closed' : reasonOf(error);
      reasons.set(part, reason);
      if (isTold && (isRefusalTold || !isRefusal(error))) {
        return logger.debug({ part, reason }, 'Redis is not available');
      }
      isTold = true;
      isRefusalTold = isRefusal(error);
      logger.warn({ part, reason }, 'Redis is not available; jobs are polled for meanwhile');
    },
    restored(part) {
      if (!reasons.delete(part) || reasons.size > 0) return;
      calm = setTimeout(() => {
        isTold = false;
        isRefusalTold = false;
        logger.info({}, 'Redis is available again');
      }, calmMs).unref();
    },
    get problem() {
      return [...reasons.values()][0] ?? null;
    },
  };
}

/** Without the hash of a script: it is ours, and tells nobody anything. */
export const reasonOf = (error: unknown): string => errorLine(error).replace(/ script: [\da-f]{40}\b.*$/s, '');

/**
 * Redis has answered, and the answer is an error: READONLY, NOPERM, LOADING, OOM, CROSSSLOT … All commands are ours, so none of them is a client's
 * fault. Only UNBLOCKED says nothing of the next command: a blocking read was ended, by an operator or because the server was demoted.
 */
export const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'ReplyError' && !error.message.startsWith('UNBLOCKED');

/** Another server may be behind the same name by now, or this one may take another password. */
const wrongServer =
  /(?:^|-)(?:READONLY|UNBLOCKED|LOADING|MASTERDOWN|NOREPLICAS|MISCONF|NOAUTH|WRONGPASS|CLUSTERDOWN|MOVED|ASK|TRYAGAIN) /;

/** Whether a new connection may help. Redis 6 wraps what a script was told: `ERR Error running script … -READONLY You can't …`. */
export const needsNewConnection = ({ message }: Error): boolean => wrongServer.test(message);
