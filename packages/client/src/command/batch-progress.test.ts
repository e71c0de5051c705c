import { expect, it } from 'vitest';
import { describeProgress } from './batch-progress.ts';

it.each([
  [{ done: 0, added: 0, seconds: 0 }, '[------------------------]  0/1000  0%  0.0/s'],
  [{ done: 400, added: 100, seconds: 20 }, '[############------------]  500/1000  50%  5.0/s  1 min 40 s left'],
  [{ done: 0, added: 1, seconds: 10 }, '[------------------------]  1/1000  0%  0.1/s  2 h 46 min left'],
  [{ done: 0, added: 990, seconds: 10 }, '[#######################-]  990/1000  99%  99/s  1 s left'],
  [{ done: 1_000, added: 0, seconds: 1, failed: 3 }, '[########################]  1000/1000  100%  0.0/s  3 failed'],
])('tells the rate of this run, and the time that is left: %o', (progress, line) => {
  expect(describeProgress({ total: 1_000, failed: 0, ...progress })).toBe(line);
});
