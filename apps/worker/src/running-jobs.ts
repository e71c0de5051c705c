/** The jobs in this worker's hands, and why one of them is to stop. */

/**
 * - `canceled`: by request. - `deadline`: its time is over. - `lost`: the lease is somebody else's. - `shutdown`: handed back.
 */
export type AbortReason = 'canceled' | 'deadline' | 'lost' | 'shutdown';

/** How long a cancel for a job that is not here yet is remembered: its claim may be on the way. */
const rememberMs = 5_000;

export class RunningJobs {
  readonly #controllers = new Map<string, AbortController>();
  readonly #recentCancels = new Set<string>();
  readonly #givenUp = new AbortController();
  #abortReason: AbortReason | null = null;

  get count(): number {
    return this.#controllers.size;
  }

  /** @returns a signal whose reason is an {@link AbortReason} */
  add(id: string): AbortSignal {
    const controller = new AbortController();
    this.#controllers.set(id, controller);
    if (this.#recentCancels.has(id)) controller.abort('canceled' satisfies AbortReason);
    if (this.#abortReason !== null) controller.abort(this.#abortReason);
    return controller.signal;
  }

  remove(id: string): void {
    this.#controllers.delete(id);
  }

  /** The first reason stays. */
  abort(id: string, reason: AbortReason): void {
    this.#controllers.get(id)?.abort(reason);
  }

  /** Those that turn up later too: their claims were on the way. */
  abortAll(reason: AbortReason): void {
    this.#abortReason = reason;
    for (const controller of this.#controllers.values()) controller.abort(reason);
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
    this.abort(id, 'canceled');
    this.#recentCancels.add(id);
    setTimeout(() => this.#recentCancels.delete(id), rememberMs).unref();
  }
}
