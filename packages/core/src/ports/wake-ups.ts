/** The port of the wake-ups: ids only, best effort. A lost one costs a poll interval, never correctness. */

/**
 * - `job-changed`: for the requests that watch the job.
 * - `job-cancel`: for the worker that runs the job.
 * - `job-watch`: for the worker that runs the job: a client began to stream its text.
 * - `job-text`: for the requests that stream the text of the job: there is more of it.
 * - `worker-look`: for the worker: somebody looks at it.
 */
export const wakeUpTypes = ['job-changed', 'job-cancel', 'job-watch', 'job-text', 'worker-look'] as const;
export type WakeUpType = (typeof wakeUpTypes)[number];

/** Receivers ignore a type that they do not know: a newer version may send it. */
export interface WakeUp {
  readonly type: WakeUpType;
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
