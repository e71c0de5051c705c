/**
 * Notices a worker that could work, has work to do, and does not: something that brings it permits is stuck in a way that nobody has thought of. Its
 * supervisor starts it again.
 */
import type { JobStore } from '@prosemill/core';

export interface ProgressWatchdogOptions {
  readonly jobs: Pick<JobStore, 'listClaimable'>;
  /** Ready, not stopping, with a free slot and nothing that keeps it from claiming. */
  readonly canClaim: () => boolean;
  readonly onStuck: (error: Error) => void;
}

const intervalMs = 2_500;
/** In a row: 15 s from the first to the last. Counted instead of timed, so that a process that was frozen has not been idle. */
const stuckLooks = 7;
/** A database that takes longer is in trouble, and the worker waits for it like everybody else. */
const slowMs = 1_000;

export class ProgressWatchdog {
  readonly #options: ProgressWatchdogOptions;
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProgressWatchdogOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setTimeout(() => void this.#lookAgain(), intervalMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * A claim was answered, be it with "nothing": others may have been faster. Or hints cannot be sent: then none can come.
   */
  reset(): void {
    this.#looks = 0;
  }

  async #lookAgain(): Promise<void> {
    await this.look();
    if (this.#looks >= stuckLooks) {
      const seconds = ((stuckLooks - 1) * intervalMs) / 1_000;
      this.#options.onStuck(
        new Error(`there is work and a free slot, but the worker has claimed nothing for ${seconds} s`),
      );
    } else if (this.#timer !== undefined) this.start();
  }

  /** @returns how often in a row it has looked stuck */
  async look(): Promise<number> {
    const { jobs, canClaim } = this.#options;
    const looks = this.#looks + 1;
    const begin = performance.now();
    this.#looks = looks;
    const hasWork = canClaim() && (await hasClaimable(jobs));
    // Reset meanwhile?
    const isStuck = hasWork && canClaim() && this.#looks === looks && performance.now() - begin < slowMs;
    if (!isStuck) this.reset();
    return this.#looks;
  }
}

/** False for a database that cannot be reached. */
const hasClaimable = async (jobs: Pick<JobStore, 'listClaimable'>): Promise<boolean> =>
  await jobs.listClaimable({ after: null, limit: 1 }).then(
    (rows) => rows.length > 0,
    () => false,
  );
