import type { Health } from '@prosemill/contract';
import { describe, expect, it, vi } from 'vitest';
import { noAnswer } from '../test-problem.ts';
import { type BannerInput, describeBanner } from './banner-state.ts';

const healthy: Health = {
  status: 'healthy',
  problems: [],
  model: { name: 'tiny-tales', revision: 'r', engine: 'batched', dtype: 'int8', fingerprint: 'f' },
  workers: [{ id: 'a', state: 'ready', load_progress: null, note: null, slots: 32, busy: 0 }],
  queue: { queued: 0, running: 0, paused: false, paused_at: null },
  version: '0.1.0',
};
const paused: Health = {
  ...healthy,
  status: 'degraded',
  problems: ['The queue is paused: jobs wait.'],
  queue: { ...healthy.queue, paused: true, paused_at: '2026-11-29T12:50:00.000' },
};
const describeOf = (input: Partial<BannerInput>) =>
  describeBanner({ health: healthy, problem: null, isAdmin: false, isUpdated: false, ...input });

describe('the banner', () => {
  it.each([
    ['all is well', {}],
    ['there was no answer yet', { health: null }],
  ])('is empty while %s', (_name, input) => {
    expect(describeOf(input)).toBeNull();
  });

  it('says that the service is away before everything else', () => {
    vi.stubGlobal('location', { host: 'host' });
    const text = 'No answer from host.';
    expect(describeOf({ health: paused, problem: noAnswer })).toEqual({ tone: 'away', text, action: 'retry' });
  });

  it.each([
    ['offers an administrator to resume', true, 'resume'],
    ['offers nobody else to resume', false, null],
  ])('says since when the queue is paused, and %s', (_name, isAdmin, action) => {
    const health = { ...paused, problems: ['No worker is running.', ...paused.problems] };
    const text = 'No worker is running. The queue is paused since 12:50. Texts wait until it is resumed.';
    expect(describeOf({ health, isAdmin })).toEqual({ tone: 'warning', text, action });
  });

  it('says what is wrong with the workers', () => {
    const health = { ...healthy, problems: ['No worker is running.'], model: null, workers: [] };
    expect(describeOf({ health, isAdmin: true })).toEqual({
      tone: 'warning',
      text: 'No worker is running.',
      action: null,
    });
  });

  it('says how far the model has loaded', () => {
    const worker = { id: 'a', state: 'loading', load_progress: 0.4, note: null, slots: 32, busy: 0 } as const;
    expect(describeOf({ health: { ...healthy, model: null, workers: [worker] } })?.text).toContain('loading, 40 %');
  });

  it('offers to load the page of an updated service', () => {
    expect(describeOf({ isUpdated: true })).toMatchObject({ tone: 'note', action: 'reload' });
  });
});
