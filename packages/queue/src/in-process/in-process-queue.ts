/** Hints and wake-ups inside one process. */
import type { Queue } from '../queue.ts';
import { createPermitPool } from '../permit-pool.ts';
import { createWakeUpListeners } from '../wake-up-listeners.ts';
import { createInProcessRateLimiter } from './in-process-rate-limiter.ts';

export function createInProcessQueue(): Queue {
  const permits = createPermitPool(() => false);
  const { subscribe, deliver } = createWakeUpListeners();
  return {
    requireUsable: async () => undefined,
    receiver: {
      ...permits,
      async start(options) {
        await permits.start(options);
        // Hints of jobs that were submitted earlier had no receiver.
        permits.wake(options.concurrency);
      },
    },
    sender: {
      async send(hints) {
        permits.wake(hints.length);
      },
      countWaiting: async () => null,
    },
    wakeUps: {
      start: async () => undefined,
      // Deferred, since the publisher may be in the middle of a change.
      publish: (wakeUp) => queueMicrotask(() => deliver(wakeUp)),
      subscribe,
      isDeaf: () => false,
    },
    rateLimiter: createInProcessRateLimiter(),
    problems: () => [],
    stop: async () => await permits.stop(),
  };
}
