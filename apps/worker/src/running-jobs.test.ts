import { newId } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { RunningJobs } from './running-jobs.ts';

const start = () => {
  const id = newId();
  const claims = [
    { id, attempt: 1 },
    { id, attempt: 2 },
  ] as const;
  const running = new RunningJobs();
  return { id, claims, running, signals: [running.add(claims[0]), running.add(claims[1])] as const };
};
const reasonsOf = (signals: readonly AbortSignal[]): unknown[] => signals.map(({ reason }) => reason as unknown);

describe('two attempts at one job in one worker', () => {
  it('are counted, aborted and removed separately', () => {
    const { claims, running, signals } = start();
    expect(running.count).toBe(2);
    running.abort(claims[0], 'lost');
    expect(reasonsOf(signals)).toEqual(['lost', undefined]);
    running.remove(claims[0]);
    expect(running.count).toBe(1);
    running.abort(claims[1], 'deadline');
    expect(reasonsOf(signals)).toEqual(['lost', 'deadline']);
  });

  it('are both canceled, and so is a third whose claim is under way', () => {
    const { id, running, signals } = start();
    running.cancel(newId());
    expect(reasonsOf(signals)).toEqual([undefined, undefined]);
    running.cancel(id);
    expect(reasonsOf([...signals, running.add({ id, attempt: 3 })])).toEqual(['canceled', 'canceled', 'canceled']);
  });

  it('are both handed back at a shutdown', () => {
    const { running, signals } = start();
    running.abortAll('shutdown');
    expect(reasonsOf(signals)).toEqual(['shutdown', 'shutdown']);
  });
});
