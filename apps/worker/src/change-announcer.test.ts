import type { WakeUp } from '@prosemill/core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type ChangeAnnouncer, createChangeAnnouncer } from './change-announcer.ts';

describe('a change announcer', () => {
  let published: WakeUp[];
  let announcer: ChangeAnnouncer;

  beforeEach(() => {
    vi.useFakeTimers();
    published = [];
    announcer = createChangeAnnouncer({ publish: (wakeUp) => published.push(wakeUp) });
    return () => vi.useRealTimers();
  });

  it('announces a begin together with the next end', () => {
    announcer.begun({ id: 'a', isWatched: false });
    expect(published).toEqual([]);
    announcer.ended({ id: 'b' });
    vi.runAllTimers();
    expect(published).toEqual([{ type: 'job-changed', ids: ['a', 'b'] }]);
  });

  it('announces a job that ends soon once', () => {
    announcer.begun({ id: 'a', isWatched: false });
    announcer.ended({ id: 'a' });
    expect(published).toEqual([{ type: 'job-changed', ids: ['a'] }]);
  });

  it('announces begins after 100 ms at the latest', () => {
    announcer.begun({ id: 'a', isWatched: false });
    vi.advanceTimersByTime(60);
    announcer.begun({ id: 'b', isWatched: false });
    vi.advanceTimersByTime(39);
    expect(published).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(published).toEqual([{ type: 'job-changed', ids: ['a', 'b'] }]);
  });

  it('announces the begin of a streamed job at once, and an end too', () => {
    announcer.begun({ id: 'a', isWatched: true });
    announcer.ended({ id: 'a' });
    expect(published.map(({ ids }) => ids)).toEqual([['a'], ['a']]);
  });
});
