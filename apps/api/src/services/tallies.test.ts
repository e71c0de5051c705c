import { AppError, type Tally } from '@prosemill/core';
import { describeServiceConformance, gateCalls, silentLogger } from '@prosemill/testkit';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Tallies } from './tallies.ts';

it('tallies are written together once a second, and kept while the database is away', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const written: (readonly Tally[])[] = [];
  let isAway = false;
  const addTallies = async (tallies: readonly Tally[]): Promise<void> => {
    if (isAway) throw new AppError('database_unavailable');
    written.push(tallies);
  };
  const tallies = new Tallies({ measures: { addTallies }, logger: silentLogger });
  tallies.start();
  onTestFinished(async () => await tallies.stop());
  await vi.advanceTimersByTimeAsync(5_000);
  expect(written).toEqual([]);
  tallies.add('refused');
  tallies.add('estimate-error', 7);
  tallies.add('refused');
  isAway = true;
  await vi.advanceTimersByTimeAsync(1_000);
  tallies.add('refused');
  isAway = false;
  await vi.advanceTimersByTimeAsync(1_000);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(written).toEqual([
    [
      { name: 'refused', bucket: 0, count: 3 },
      { name: 'estimate-error', bucket: 7, count: 1 },
    ],
  ]);
});

describeServiceConformance('the tallies', async () => {
  // Without something to tell nothing is written.
  const calls = gateCalls({ addTallies: async () => service.add('refused') });
  const service = new Tallies({ measures: calls.part, logger: silentLogger });
  service.add('refused');
  return { service, calls, close: async () => undefined };
});
