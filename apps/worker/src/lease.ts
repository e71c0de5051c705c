/** Keeps the lease of one running job, and hears through it of cancels whose wake-up was lost. */
import { type ClaimKey, errorLine, type JobStore, type Logger } from '@prosemill/core';

export interface LeaseOptions {
  readonly jobs: JobStore;
  readonly claim: ClaimKey;
  readonly leaseMs: number;
  readonly logger: Logger;
  /** The job is somebody else's now. */
  readonly onLost: () => void;
  readonly onCancelRequested: () => void;
}

/** Renewals in a lease: two may fail before it runs out. */
const renewalsPerLease = 3;
/**
 * Renewals under way at once. One may hang in a connection that is dead without having been closed, so there is a second; more would keep the
 * connections of a database that hangs as a whole from everything else.
 */
const maxPending = 2;

/**
 * Renews until stopped or lost. A database that cannot be reached is tried again at the next renewal: the generation goes on, and the fence decides.
 * @returns a function that stops the renewals
 */
export function keepLease({ jobs, claim, leaseMs, logger, onLost, onCancelRequested }: LeaseOptions): () => void {
  let isStopped = false;
  let pending = 0;
  const timer = setInterval(() => void renew(), leaseMs / renewalsPerLease);

  async function renew(): Promise<void> {
    if (pending >= maxPending) return;
    pending += 1;
    try {
      const renewed = await jobs.renew(claim, leaseMs);
      if (isStopped) return;
      if (renewed === null) {
        stop();
        onLost();
      } else if (renewed.cancelRequested) onCancelRequested();
    } catch (error) {
      logger.warn({ reason: errorLine(error) }, 'the lease could not be renewed');
    } finally {
      pending -= 1;
    }
  }

  function stop(): void {
    isStopped = true;
    clearInterval(timer);
  }

  return stop;
}
