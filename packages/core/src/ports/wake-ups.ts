/** The port of the wake-ups: ids only, best effort. A lost one costs a poll interval, never correctness. */

/** `job-changed`: to whoever waits for the job. `job-cancel`: to the worker that runs it. */
export interface WakeUp {
  readonly type: 'job-changed' | 'job-cancel';
  readonly ids: readonly string[];
}

export interface WakeUps {
  /** Connects in the background and reconnects for ever; resolves at once. */
  start(): Promise<void>;
  /** Sends to every process, this one included. Never throws and never waits for the transport to heal. */
  publish(wakeUp: WakeUp): void;
  /** @returns a function that ends the subscription */
  subscribe(listener: (wakeUp: WakeUp) => void): () => void;
  /** True while the transport takes wake-ups that do not arrive here: waiting clients are better served by a shorter poll. */
  isDeaf(): boolean;
}
