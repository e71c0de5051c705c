/** Tells other processes that jobs have begun and ended, with few messages: each takes time from the engine. */
import type { Job, WakeUps } from '@prosemill/core';

export interface ChangeAnnouncer {
  /** Announced at once for the streams of the job, otherwise together with the next change, or after 100 ms. */
  begun(job: Pick<Job, 'id' | 'isWatched'>): void;
  /** Announced at once: clients wait for it. */
  ended(job: Pick<Job, 'id'>): void;
}

/** The longest time that an announcement waits for another. */
const waitMs = 100;

export function createChangeAnnouncer(wakeUps: Pick<WakeUps, 'publish'>): ChangeAnnouncer {
  const ids = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  function announce(): void {
    clearTimeout(timer);
    timer = undefined;
    wakeUps.publish({ type: 'job-changed', ids: [...ids] });
    ids.clear();
  }

  return {
    begun({ id, isWatched }) {
      ids.add(id);
      if (isWatched) announce();
      else timer ??= setTimeout(announce, waitMs).unref();
    },
    ended({ id }) {
      ids.add(id);
      announce();
    },
  };
}
