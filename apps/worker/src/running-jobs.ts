/** The attempts in this worker's hands, and why one of them is to stop. */
import type { ClaimKey } from '@prosemill/core';

/**
 * - `canceled`: by request. - `deadline`: its time is over. - `lost`: the lease is somebody else's. - `shutdown`: handed back.
 */
export type AbortReason = 'canceled' | 'deadline' | 'lost' | 'shutdown';

interface RunningAttempt {
  readonly id: string;
  readonly controller: AbortController;
}

/** How long a cancel for a job that is not here yet is remembered: its claim may be on the way. */
const rememberMs = 5_000;

/** Two attempts at one job can be here at once: the lease of the first ran out, and the same worker claimed the job again. */
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

  /** The first reason stays. */
  abort(claim: ClaimKey, reason: AbortReason): void {
    this.#attempts.get(keyOf(claim))?.controller.abort(reason);
  }

  /** Those that turn up later too: their claims were on the way. */
  abortAll(reason: AbortReason): void {
    this.#abortReason = reason;
    for (const { controller } of this.#attempts.values()) controller.abort(reason);
  }

  /** Aborted when nobody waits any longer for outcomes to be written. */
  get givenUp(): AbortSignal {
    return this.#givenUp.signal;
  }

  /** Outcomes that the database has not taken by now are dropped: their jobs come back when the leases are over. */
  giveUp(): void {
    this.#givenUp.abort(new Error('the worker stops'));
  }

  /** Cancels a job that runs here, or that turns up within a moment. */
  cancel(id: string): void {
    for (const attempt of this.#attempts.values()) {
      if (attempt.id === id) attempt.controller.abort('canceled' satisfies AbortReason);
    }
    this.#recentCancels.add(id);
    setTimeout(() => this.#recentCancels.delete(id), rememberMs).unref();
  }
}

const keyOf = ({ id, attempt }: ClaimKey): string => `${id}:${attempt}`;
