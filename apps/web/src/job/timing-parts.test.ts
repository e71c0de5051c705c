import { expect, it } from 'vitest';
import { timingParts } from './timing-parts.ts';

const unknown = {
  queue_ms: null,
  time_to_first_token_ms: null,
  generation_ms: null,
  total_ms: null,
  tokens_per_second: null,
};

it('counts the first token once', () => {
  const parts = timingParts({ ...unknown, queue_ms: 19, time_to_first_token_ms: 12, generation_ms: 233 });

  expect(parts.map(({ kind, ms }) => [kind, ms])).toEqual([
    ['queue', 19],
    ['first-token', 12],
    ['writing', 221],
  ]);
});

it('leaves out times that were not measured', () => {
  expect(timingParts(unknown)).toEqual([]);
  expect(timingParts({ ...unknown, queue_ms: 19 }).map(({ kind }) => kind)).toEqual(['queue']);
});
