/** The interface of every transport. */
import type { HintReceiver, HintSender, RateLimiter, WakeUps } from '@prosemill/core';

export interface Queue {
  /**
   * Checks the transport once, before a start, within seconds. A transport that is away passes.
   * @throws {ConfigError} for a transport that can never work
   */
  requireUsable(): Promise<void>;
  readonly sender: HintSender;
  /** Connects at its start, so that a process without a worker needs no connection for it. */
  readonly receiver: HintReceiver;
  readonly wakeUps: WakeUps;
  /** On Redis, all processes share its buckets. */
  readonly rateLimiter: RateLimiter;
  /** The reasons why hints or wake-ups are late now, a sentence each. No job is lost meanwhile. */
  readonly problems: () => readonly string[];
  /** Waits for running permits, then closes everything, in bounded time although the transport is away. Idempotent. */
  stop(): Promise<void>;
}
