/** The lifecycle of a part that works by itself. Its contract test is testkit's `describeServiceConformance`. */

export interface Service {
  /** Begins the work. Has no effect a second time, nor after `stop`. */
  start(): void;
  /**
   * Ends the work for good: nothing new begins after the call. Resolves when the step under way has ended, after
   * {@link serviceStopLimitMs} at the latest. Idempotent; allowed before `start`.
   */
  stop(): Promise<void>;
}

/** The longest time that the `stop` of a service takes. */
export const serviceStopLimitMs = 5_000;
