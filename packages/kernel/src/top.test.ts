import { describe, expect, it } from 'vitest';
import { openArena, seeded } from './test-arena.ts';

const random = seeded(4);

function top(logits: Float32Array, count: number) {
  const { kernel, floats, int32 } = openArena();
  const [row, values, ids] = [floats(logits), floats(count), int32(count)];
  const isFinite = kernel.top(row.byteOffset, logits.length, 0, count, 0, values.byteOffset, ids.byteOffset);
  return { isFinite, values: [...values], ids: [...ids] };
}

/** Largest first, of equal ones the lower id first. */
function sorted(logits: Float32Array, count: number) {
  const ids = [...logits.keys()].toSorted((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b).slice(0, count);
  return { isFinite: 1, values: ids.map((id) => logits[id]), ids };
}

describe('top', () => {
  it.each([1, 2, 63, 64])('gives the %i largest of any number of columns', (count) => {
    for (const columns of [64, 65, 255, 1000, 5003]) {
      const logits = random.normals(columns);
      expect(top(logits, count)).toEqual(sorted(logits, count));
    }
  });

  it('puts the lower id first among equal logits', () => {
    for (let round = 0; round < 20; round += 1) {
      const logits = Float32Array.from({ length: 777 }, () => random.whole(-3, 3));
      expect(top(logits, 64)).toEqual(sorted(logits, 64));
    }
  });

  it.each([
    ['ascending', 1],
    ['descending', -1],
  ])('sorts %s logits', (_name, sign) => {
    const logits = Float32Array.from({ length: 1000 }, (_, index) => sign * index);
    expect(top(logits, 64)).toEqual(sorted(logits, 64));
  });

  it('gives as many as there are, then -1', () => {
    const logits = random.normals(5);
    const { values, ids } = sorted(logits, 5);
    expect(top(logits, 8)).toEqual({
      isFinite: 1,
      values: [...values, ...Array.from({ length: 3 }, () => Number.NEGATIVE_INFINITY)],
      ids: [...ids, -1, -1, -1],
    });
  });

  it('multiplies whole numbers with the scales of their columns', () => {
    const { kernel, floats, int32 } = openArena();
    const columns = 1003;
    const sums = int32(columns);
    for (const index of sums.keys()) sums[index] = random.whole(-(2 ** 20), 2 ** 20);
    const columnScales = floats(random.normals(columns).map(Math.abs));
    const [values, ids] = [floats(64), int32(64)];
    kernel.top(sums.byteOffset, columns, columnScales.byteOffset, 64, 500, values.byteOffset, ids.byteOffset);
    const logits = Float32Array.from(sums, (sum, index) => Math.fround(sum) * (columnScales[index] ?? 0));
    const expected = sorted(logits, 64);
    expect([...ids]).toEqual(expected.ids.map((id) => id + 500));
    expect([...values]).toEqual(expected.values);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('reports %d wherever it is', (value) => {
    for (const index of [0, 500, 1002]) {
      const logits = random.normals(1003);
      logits[index] = value;
      expect(top(logits, 64).isFinite).toBe(0);
    }
  });
});
