/** What every transport offers. */
import type { HintReceiver, HintSender, RateLimiter, WakeUps } from '@prosemill/core';

export interface Queue {
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
