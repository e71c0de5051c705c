import { expect, it } from 'vitest';
import { StepLog } from './step-log.ts';

const step = { rows: 3, durationMs: 5, cycleMs: 6 };

it('returns steps at most once a second, and each step once', () => {
  const log = new StepLog();
  log.add(step);
  expect(log.takeDue(999)).toEqual([]);
  log.add(step);
  expect(log.takeDue(1_000)).toEqual([step, step]);
  log.add(step);
  expect(log.takeDue(1_999)).toEqual([]);
  expect(log.takeAll(1_999)).toEqual([step]);
  expect(log.takeDue(5_000)).toEqual([]);
});

it('keeps steps of a few minutes at most', () => {
  const log = new StepLog();
  for (let count = 0; count < 20_000; count += 1) log.add(step);
  expect(log.takeAll()).toHaveLength(10_000);
});
