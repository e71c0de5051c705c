/** Renews the lease of one running job. The answers make up for lost wake-ups. */
import {
  type ClaimKey,
  errorLine,
  type JobStore,
  type Logger,
  type Service,
  serviceStopLimitMs,
  settleWithin,
} from '@prosemill/core';

export interface LeaseOptions {
  readonly jobs: Pick<JobStore, 'renew'>;
  readonly claim: ClaimKey;
  readonly leaseMs: number;
  readonly logger: Logger;
  /** Called once, when another attempt holds the job or the job has ended. */
  readonly onLost: () => void;
  readonly onCancelRequested: () => void;
  readonly onWatched: () => void;
}

/** Renewals in a lease: two may fail before it expires. */
const renewalsPerLease = 3;
/**
 * Renewals under way at once, the reason why the lease is no loop of `every`. One renewal may hang in a dead connection
 * that was never closed, so there is a second. More would take all connections of the pool while the database hangs.
 */
const maxPending = 2;

/**
 * Renews until it is stopped or the job is lost. An unreachable database is tried again at the next renewal: the
 * generation goes on meanwhile, and the fencing token decides.
 */
export function createLease(options: LeaseOptions): Service {
  const { jobs, claim, leaseMs, logger } = options;
  const pending = new Set<Promise<void>>();
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function renew(): Promise<void> {
    try {
      const renewed = await jobs.renew(claim, leaseMs);
      if (isStopped) return;
      if (renewed === null) {
        void stop();
        options.onLost();
        return;
      }
      if (renewed.cancelRequested) options.onCancelRequested();
      if (renewed.isWatched) options.onWatched();
    } catch (error) {
      logger.warn({ reason: errorLine(error) }, 'the lease could not be renewed');
    }
  }

  function renewNow(): void {
    if (pending.size >= maxPending) return;
    const renewal = renew().finally(() => pending.delete(renewal));
    pending.add(renewal);
  }

  async function stop(): Promise<void> {
    isStopped = true;
    clearInterval(timer);
    await settleWithin(serviceStopLimitMs, Promise.all(pending));
  }

  return {
    start() {
      if (!isStopped) timer ??= setInterval(renewNow, leaseMs / renewalsPerLease);
    },
    stop,
  };
}
