/**
 * Ends a worker that could work, has work to do, and claims nothing: its permits are stuck in a way that nobody
 * foresaw. Its supervisor starts it again.
 */
import { every, type JobStore, type Service, type TextGenerator } from '@prosemill/core';
import { fingerprintOf } from './fingerprint-of.ts';

export interface ProgressWatchdogOptions {
  readonly jobs: Pick<JobStore, 'listClaimable'>;
  readonly generator: Pick<TextGenerator, 'model'>;
  /** True while the worker is ready, is not stopping, has a free slot, and may claim. */
  readonly canClaim: () => boolean;
  readonly onStuck: (error: Error) => void;
}

export interface ProgressWatchdog extends Service {
  /**
   * Restarts the count. Called when a claim is answered, even with no job, because other workers may be faster; and
   * when hints cannot be sent, because then none can arrive.
   */
  reset(): void;
  /** Looks once. @returns the number of looks in a row at which the worker seemed stuck */
  look(): Promise<number>;
}

const intervalMs = 2_500;
/** 15 s from the first to the last. Looks are counted, not timed: a frozen process has not been idle. */
const stuckLooks = 7;
/** A look at a database that takes longer does not count: the database is in trouble, not the worker. */
const slowMs = 1_000;

export function createProgressWatchdog(options: ProgressWatchdogOptions): ProgressWatchdog {
  const { canClaim, onStuck } = options;
  let looks = 0;
  const reset = (): void => void (looks = 0);

  async function look(): Promise<number> {
    looks += 1;
    const current = looks;
    const begin = performance.now();
    const hasWork = canClaim() && (await hasClaimable(options));
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

/** Whether there is a job that this worker may claim. @returns false while the database cannot be reached */
const hasClaimable = async ({ jobs, generator }: ProgressWatchdogOptions): Promise<boolean> =>
  await jobs.listClaimable({ fingerprint: fingerprintOf(generator), after: null, limit: 1 }).then(
    (rows) => rows.length > 0,
    () => false,
  );
