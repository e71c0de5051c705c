import { expect, it } from 'vitest';
import { watchStolenTime } from './stolen-time.ts';

const stat = (times: string): string => `cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 ${times}\ncpu1 ${times}\nintr 7\n`;

it.each([
  ['a quarter', '314 20 70 900 8 31 22 175 0 0', 0.25],
  ['nothing', '260 20 70 900 8 31 22 100 0 0', 0],
  ['nothing in no time', '100 20 60 500 8 30 22 100 0 0', 0],
])('tells that %s of the busy time was stolen', (_, after, share) => {
  const texts = [stat('100 20 60 500 8 30 22 100 0 0'), stat(after)];
  const stolen = watchStolenTime('1', () => texts.shift() ?? '');
  expect(stolen()).toBeCloseTo(share, 2);
});

it('tells nothing where the system has no such times', () => {
  expect(watchStolenTime('', () => '')()).toBe(0);
});
