import { expect, it } from 'vitest';
import { checksOfServers } from './report-servers.ts';
import { type ServerKey, serverNames } from './start-servers.ts';
import { servedWorkloads } from './workloads.ts';

function measurementsOf(rates: Partial<Record<ServerKey, number>>) {
  return Object.values(servedWorkloads).flatMap((scenario) =>
    Object.entries(rates).map(([key, rate]) => ({
      scenario,
      contestant: serverNames[key as ServerKey],
      rounds: [rate, rate, rate],
      stolen: [0, 0, 0],
    })),
  );
}

it('compares Prosemill with the better of two peers in a single stream', () => {
  const checks = checksOfServers(measurementsOf({ prosemill: 120, openVino: 100, llama: 110, fastApi: 5 }));
  expect(checks.map(({ measured, holds }) => [measured, holds])).toEqual([
    ['1.20×', true],
    ['1.09×', false],
    ['24.00×', true],
    ['1.09×', false],
  ]);
});

it('leaves a check open when its peer did not take part', () => {
  const checks = checksOfServers(measurementsOf({ prosemill: 120, llama: 40, fastApi: 5 }));
  expect(checks.map(({ holds }) => holds)).toEqual([null, true, true, null]);
});
