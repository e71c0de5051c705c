/** The attempts that this worker runs, and how they are aborted. */
import type { ClaimKey } from '@prosemill/core';

/**
 * - `canceled`: by request.
 * - `deadline`: the deadline passed.
 * - `lost`: another attempt holds the job.
 * - `shutdown`: the job is handed back.
 */
export type AbortReason = 'canceled' | 'deadline' | 'lost' | 'shutdown';

interface RunningAttempt {
  readonly id: string;
  readonly controller: AbortController;
}

/** How long the cancel of an unknown job is remembered: the claim of the job may be under way. */
const rememberMs = 5_000;

/** Two attempts at one job can run at once: the lease of the first expired, and this worker claimed the job again. */
export class RunningJobs {
  readonly #attempts = new Map<string, RunningAttempt>();
  readonly #recentCancels = new Set<string>();
  readonly #givenUp = new AbortController();
  #abortReason: AbortReason | null = null;

  get count(): number {
    return this.#attempts.size;
  }

  /** @returns a signal whose reason is an {@link AbortReason} */
  add(claim: ClaimKey): AbortSignal {
    const { id } = claim;
    const controller = new AbortController();
    this.#attempts.set(keyOf(claim), { id, controller });
    if (this.#recentCancels.has(id)) controller.abort('canceled' satisfies AbortReason);
    if (this.#abortReason !== null) controller.abort(this.#abortReason);
    return controller.signal;
  }

  remove(claim: ClaimKey): void {
    this.#attempts.delete(keyOf(claim));
  }

  /** A later reason does not replace the first. */
  abort(claim: ClaimKey, reason: AbortReason): void {
    this.#attempts.get(keyOf(claim))?.controller.abort(reason);
  }

  /** Aborts all attempts, and later ones too, whose claims are under way. */
  abortAll(reason: AbortReason): void {
    this.#abortReason = reason;
    for (const { controller } of this.#attempts.values()) controller.abort(reason);
  }

  /** Aborted by `giveUp`. */
  get givenUp(): AbortSignal {
    return this.#givenUp.signal;
  }

  /** Drops the outcomes that are not written yet: their jobs return to the queue when the leases expire. */
  giveUp(): void {
    this.#givenUp.abort(new Error('the worker stops'));
  }

  /** Cancels a job that runs here, or that this worker claims within `rememberMs`. */
  cancel(id: string): void {
    for (const attempt of this.#attempts.values()) {
      if (attempt.id === id) attempt.controller.abort('canceled' satisfies AbortReason);
    }
    this.#recentCancels.add(id);
    setTimeout(() => this.#recentCancels.delete(id), rememberMs).unref();
  }
}

const keyOf = ({ id, attempt }: ClaimKey): string => `${id}:${attempt}`;
