import { expect, it } from 'vitest';
import { ratioOf } from './ratios.ts';

const scenario = 'queue';
const stolen = [0, 0, 0];
const measurements = [
  { scenario, contestant: 'ours', rounds: [100, 50, 90], stolen },
  { scenario, contestant: 'fast', rounds: [50, 10, 30], stolen },
  { scenario, contestant: 'faster', rounds: [10, 25, 45], stolen },
];

it('is the median over the rounds, each against the best of the others', () => {
  expect(ratioOf(measurements, { scenario, ours: 'ours', others: ['fast'] })).toBe(3);
  expect(ratioOf(measurements, { scenario, ours: 'ours', others: ['fast', 'faster'] })).toBe(2);
});

it('is unknown when a contestant is missing', () => {
  expect(ratioOf(measurements, { scenario, ours: 'ours', others: ['fast', 'absent'] })).toBeNaN();
  expect(ratioOf(measurements, { scenario: 'single', ours: 'ours', others: ['fast'] })).toBeNaN();
});
