import { describe, expect, it } from 'vitest';
import { KeyValuePages } from './key-value-pages.ts';
import { type MemoryPlan, pagesOf, planMemory } from './memory-plan.ts';

const shape = {
  layers: 2,
  heads: 2,
  width: 32,
  innerWidth: 64,
  vocabulary: 100,
  positions: 200,
  epsilon: 1e-5,
  activation: 'relu',
} as const;
const texts = 3;

function setup(): {
  pages: KeyValuePages;
  plan: MemoryPlan;
  pageAt: (row: number, layer: number, index: number) => number;
} {
  const plan = planMemory({ shape, format: 'int8', threads: 2, texts, rows: 10, wanted: 3 });
  const size = Math.ceil(plan.bytes / 2 ** 16);
  const memory = new WebAssembly.Memory({ initial: size, maximum: size, shared: true });
  const tables = new Uint32Array(memory.buffer, plan.tables, texts * 2 * pagesOf(200));
  return {
    pages: new KeyValuePages(memory, plan, { ...shape, texts }),
    plan,
    pageAt: (row, layer, index) => tables[(row * 2 + layer) * pagesOf(200) + index] ?? 0,
  };
}

describe('the pages of keys and values', () => {
  it('are those of one text and layer only', () => {
    const { pages, plan, pageAt } = setup();
    const taken = new Set<number>();
    const all = Array.from({ length: texts }, () => pages.add(200));
    for (const text of all) pages.extend(text, 200);
    for (const { row } of all) {
      for (const layer of [0, 1]) {
        for (let index = 0; index < 4; index += 1) {
          const address = pageAt(row, layer, index);
          expect(address).toBeGreaterThanOrEqual(plan.pages);
          expect(address + plan.pageBytes / 2).toBeLessThanOrEqual(plan.bytes);
          taken.add(address);
        }
      }
    }
    expect(taken.size).toBe(texts * 2 * 4);
  });

  it('are taken as the text grows, and reserved for its full length from the start', () => {
    const { pages } = setup();
    const before = pages.freePages;
    const text = pages.add(130);
    expect([pages.freePages, pages.freeTexts]).toEqual([before - 3, texts - 1]);
    pages.extend(text, 64);
    expect(text.pages).toHaveLength(1);
    pages.extend(text, 1);
    expect(text.pages).toHaveLength(2);
    pages.extend(text, 65);
    expect(() => pages.extend(text, 63)).toThrow('longer than was reserved');
    pages.remove(text);
    expect([pages.freePages, pages.freeTexts]).toEqual([before, texts]);
  });

  it('are used again before others', () => {
    const { pages } = setup();
    const first = pages.add(200);
    pages.extend(first, 100);
    const used = [...first.pages];
    pages.remove(first);
    const second = pages.add(200);
    pages.extend(second, 100);
    expect(second.pages).toEqual(used);
  });

  it('are refused without room', () => {
    const { pages } = setup();
    for (let text = 0; text < texts; text += 1) pages.add(200);
    expect(pages.freePages).toBe(0);
    expect(() => pages.add(1)).toThrow('no room');
  });
});

it('a memory that has no room for one text is refused', () => {
  const huge = { ...shape, width: 16_000, layers: 100, positions: 4_096 };
  const options = { shape: huge, format: 'fp32', threads: 1, texts: 1, rows: 8, wanted: 1 } as const;
  expect(() => planMemory(options)).toThrow('does not fit');
});
