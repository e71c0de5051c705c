/**
 * Ends a worker that could work, has work to do, and claims nothing: the path of its permits is stuck in a way that
 * nobody foresaw. Its supervisor starts it again.
 */
import { every, type JobStore, type Service } from '@prosemill/core';

export interface ProgressWatchdogOptions {
  readonly jobs: Pick<JobStore, 'listClaimable'>;
  /** True while the worker is ready, is not stopping, has a free slot, and nothing keeps it from claiming. */
  readonly canClaim: () => boolean;
  readonly onStuck: (error: Error) => void;
}

export interface ProgressWatchdog extends Service {
  /**
   * Begins the count anew: a claim was answered, even with "nothing", since other workers may have been faster; or
   * hints cannot be sent, so that none can arrive.
   */
  reset(): void;
  /** Looks once. @returns how often in a row the worker has looked stuck */
  look(): Promise<number>;
}

const intervalMs = 2_500;
/** In a row: 15 s from the first to the last. Counted, not timed: a process that was frozen has not been idle. */
const stuckLooks = 7;
/** A database that takes longer is in trouble; the worker waits for it like everybody else. */
const slowMs = 1_000;

export function createProgressWatchdog({ jobs, canClaim, onStuck }: ProgressWatchdogOptions): ProgressWatchdog {
  let looks = 0;
  const reset = (): void => void (looks = 0);

  async function look(): Promise<number> {
    looks += 1;
    const current = looks;
    const begin = performance.now();
    const hasWork = canClaim() && (await hasClaimable(jobs));
    const wasReset = looks !== current;
    if (!hasWork || !canClaim() || wasReset || performance.now() - begin >= slowMs) reset();
    return looks;
  }

  const loop = every({
    intervalMs,
    async step() {
      if ((await look()) < stuckLooks) return;
      const seconds = ((stuckLooks - 1) * intervalMs) / 1_000;
      onStuck(new Error(`there is work and a free slot, but the worker has claimed nothing for ${seconds} s`));
    },
    onError: reset,
  });
  return { ...loop, reset, look };
}

/** False for a database that cannot be reached. */
const hasClaimable = async (jobs: Pick<JobStore, 'listClaimable'>): Promise<boolean> =>
  await jobs.listClaimable({ after: null, limit: 1 }).then(
    (rows) => rows.length > 0,
    () => false,
  );
