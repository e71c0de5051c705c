import { expect, it } from 'vitest';
import { windowsOf } from './score-windows.ts';

it.each([
  [[], []],
  [[1], []],
  [[1, 2, 3], [[1, 2, 3]]],
  [
    [1, 2, 3, 4, 5],
    [
      [1, 2, 3],
      [4, 5],
    ],
  ],
  // After a window of a single token there is no next token to predict.
  [[1, 2, 3, 4], [[1, 2, 3]]],
])('windows of 3 over %j are %j', (ids, expected) => {
  expect(windowsOf(ids, 3)).toEqual(expected);
});
