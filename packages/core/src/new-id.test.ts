import { expect, it } from 'vitest';
import { newId } from './new-id.ts';

it('an id is a UUID v7 of its time', () => {
  expect(newId(0x1_23_45)).toMatch(/^00000001-2345-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(newId(0xff_ff_ff_ff_ff_ff)).toMatch(/^ffffffff-ffff-7/);
});

it('ids of the same time differ', () => {
  expect(new Set(Array.from({ length: 1_000 }, () => newId(1))).size).toBe(1_000);
});
