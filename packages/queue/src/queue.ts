/** What every transport offers. */
import type { HintReceiver, HintSender, RateLimiter, WakeUps } from '@prosemill/core';

export interface Queue {
  /**
   * Looks at the transport once, before a start, for at most some seconds; one that is away is no obstacle.
   * @throws {ConfigError} for one that can never work
   */
  requireUsable(): Promise<void>;
  readonly sender: HintSender;
  /** Connects when it is started, so a process that takes no permits pays nothing for it. */
  readonly receiver: HintReceiver;
  readonly wakeUps: WakeUps;
  /** Shared by all processes where there is Redis. */
  readonly rateLimiter: RateLimiter;
  /** Why hints or wake-ups are late at the moment, one sentence each. Nothing is lost meanwhile. */
  readonly problems: () => readonly string[];
  /** Closes everything; running permits first. Bounded, with the transport away too. Idempotent. */
  stop(): Promise<void>;
}
