import { expect, it } from 'vitest';
import { RowCursor } from './row-cursor.ts';

it('begins at the first row, and stops at the ends', () => {
  const cursor = new RowCursor();
  cursor.keep(['a', 'b', 'c']);
  expect(cursor.current.value).toBe('a');

  expect(cursor.step(['a', 'b', 'c'], 1)).toBe('b');
  expect(cursor.step(['a', 'b', 'c'], 5)).toBe('c');
  expect(cursor.step(['a', 'b', 'c'], -9)).toBe('a');
  expect(new RowCursor().step([], 1)).toBeNull();
});

it('keeps its row when others come', () => {
  const cursor = new RowCursor();
  cursor.moveTo('b');
  cursor.keep(['new', 'a', 'b']);

  expect(cursor.current.value).toBe('b');
});

it('selects rows, and forgets those that left', () => {
  const cursor = new RowCursor();
  for (const id of ['a', 'b', 'c', 'b']) cursor.toggle(id);
  expect([...cursor.selected.value]).toEqual(['a', 'c']);

  cursor.keep(['c', 'd']);
  expect([...cursor.selected.value]).toEqual(['c']);
  expect(cursor.current.value).toBe('c');
});
