/** The port of the wake-ups: ids only, best effort. A lost one costs a poll interval, never correctness. */

/** Receivers ignore a type that they do not know: a newer version may send it. */
export interface WakeUp {
  /** `job-changed`: for the requests that watch the job. `job-cancel`: for the worker that runs it. */
  readonly type: 'job-changed' | 'job-cancel';
  readonly ids: readonly string[];
}

export interface WakeUps {
  /** Connects in the background, and again after each loss; resolves at once. */
  start(): Promise<void>;
  /** Sends to every process, this one included. Never throws, and never waits for a transport that is away. */
  publish(wakeUp: WakeUp): void;
  /** @returns a function that ends the subscription */
  subscribe(listener: (wakeUp: WakeUp) => void): () => void;
  /** True while published wake-ups do not arrive here: then callers should poll at a shorter interval. */
  isDeaf(): boolean;
}
