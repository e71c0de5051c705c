import { describe, expect, it } from 'vitest';
import { createRandom } from './random.ts';
import { argmax, chooseToken, penalizeRepetition, type Warping } from './sampling.ts';

const logitsOf = (...values: number[]): Float32Array => Float32Array.from(values);
const all: Warping = { temperature: 1, topK: 0, topP: 1 };
const probabilities = (...values: number[]): Float32Array => Float32Array.from(values, Math.log);

/** The relative frequency of each id in the draws. */
function frequencies(logits: Float32Array, warping: Partial<Warping>, draws = 20_000): number[] {
  const random = createRandom(7);
  const counts = Array.from(logits, () => 0);
  for (let draw = 0; draw < draws; draw += 1) {
    const id = chooseToken(logits, { ...all, ...warping }, random);
    counts[id] = (counts[id] ?? 0) + 1 / draws;
  }
  return counts;
}

const expectShares = (expected: number[], actual: number[]): void => {
  for (const [id, share] of expected.entries()) expect(Math.abs((actual[id] ?? 0) - share)).toBeLessThan(0.015);
};

/** A vocabulary as large as GPT-2's. */
function largeLogits(): Float32Array {
  const random = createRandom(3);
  return Float32Array.from({ length: 50_257 }, () => 10 * (random() + random() + random()) - 15);
}

const take = (seed: number): number[] => Array.from({ length: 5 }, createRandom(seed));

describe('random', () => {
  it('gives the same sequence for the same seed, and another for the next seed', () => {
    expect(take(42)).toEqual(take(42));
    expect(take(42)).not.toEqual(take(43));
    expect(take(0).every((value) => value >= 0 && value < 1)).toBe(true);
    expect(new Set(take(2 ** 32 - 1)).size).toBe(5);
  });

  it('follows the published algorithm', () => {
    // The reference starts from the same state, which splitmix32 makes of seed 1.
    const reference = referenceXoshiro(1);
    const random = createRandom(1);
    for (let round = 0; round < 100; round += 1) {
      const expected = (Number(reference() >> 5n) * 2 ** 26 + Number(reference() >> 6n)) / 2 ** 53;
      expect(random()).toBe(expected);
    }
  });

  it('is uniform', () => {
    const random = createRandom(123);
    const buckets = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 100_000; draw += 1) {
      const bucket = Math.floor(random() * 10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });
});

describe('choosing a token', () => {
  it('is greedy at temperature 0 and at top_k 1; ties go to the lower id', () => {
    const logits = logitsOf(1, 5, 5, -2);
    expect(argmax(logits)).toBe(1);
    expect(frequencies(logits, { temperature: 0 }, 16)).toEqual([0, 1, 0, 0]);
    expect(frequencies(logits, { topK: 1 }, 16)).toEqual([0, 1, 0, 0]);
  });

  it('draws by probability', () => {
    expectShares([0.5, 0.3, 0.2], frequencies(probabilities(0.5, 0.3, 0.2), {}));
  });

  it('sharpens with a low temperature and flattens with a high one', () => {
    expectShares([0.8, 0.2], frequencies(probabilities(2 / 3, 1 / 3), { temperature: 0.5 }));
    expectShares([0.585_8, 0.414_2], frequencies(probabilities(2 / 3, 1 / 3), { temperature: 2 }));
    expect(frequencies(probabilities(0.6, 0.4), { temperature: 1e-6 }, 100)[0]).toBeCloseTo(1);
  });

  it('keeps the k likeliest tokens and shares their probability', () => {
    expectShares([0, 0.625, 0, 0.375], frequencies(probabilities(0.1, 0.5, 0.1, 0.3), { topK: 2 }));
    expectShares([0.25, 0.25, 0.25, 0.25], frequencies(logitsOf(0, 0, 0, 0), { topK: 1000 }));
  });

  it('keeps the smallest set that reaches top_p', () => {
    expectShares([0, 0.625, 0, 0.375], frequencies(probabilities(0.1, 0.5, 0.1, 0.3), { topP: 0.79 }));
    expectShares([0, 1, 0, 0], frequencies(probabilities(0.1, 0.5, 0.1, 0.3), { topP: 0.01 }));
    // The token that crosses the threshold belongs to the set.
    expectShares([0, 0.625, 0, 0.375], frequencies(probabilities(0.1, 0.5, 0.1, 0.3), { topP: 0.51 }));
  });

  it('applies top_p to the renormalised result of top_k', () => {
    expectShares([0.571, 0.429, 0], frequencies(probabilities(0.4, 0.3, 0.3), { topK: 2, topP: 0.6 }));
    expectShares([1, 0, 0], frequencies(probabilities(0.4, 0.3, 0.3), { topK: 2, topP: 0.5 }));
  });

  it('finds the same candidates as a full sort of a large vocabulary', () => {
    const logits = largeLogits();
    const sorted = [...logits.keys()].toSorted((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
    const last = (k: number): number => chooseToken(logits, { temperature: 2, topK: k, topP: 1 }, () => 1 - 2 ** -53);
    for (const k of [2, 50, 64, 999]) expect(last(k)).toBe(sorted[k - 1]);
    const weights = sorted.map((id) => Math.exp(logits[id] ?? 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let reached = 0;
    const size = 1 + weights.findIndex((weight) => (reached += weight) >= 0.9 * total);
    expect(chooseToken(logits, { temperature: 1, topK: 0, topP: 0.9 }, () => 1 - 2 ** -53)).toBe(sorted[size - 1]);
  });

  it('refuses NaN logits', () => {
    expect(() => chooseToken(logitsOf(Number.NaN, Number.NaN), all, () => 0)).toThrow(RangeError);
    expect(() => chooseToken(logitsOf(1, Number.NaN), all, () => 0)).toThrow(RangeError);
  });
});

describe('repetition penalty', () => {
  it('divides positive and multiplies negative logits of tokens seen, once each', () => {
    const logits = logitsOf(2, -2, 2, 0);
    penalizeRepetition(logits, new Set([0, 1, 3]), 2);
    expect([...logits]).toEqual([1, -4, 2, 0]);
  });

  it('does nothing at 1', () => {
    const logits = logitsOf(2, -2);
    penalizeRepetition(logits, new Set([0, 1]), 1);
    expect([...logits]).toEqual([2, -2]);
  });
});

/** The published reference code, with bigint arithmetic, for comparison. */
function referenceXoshiro(seed: number): () => bigint {
  const mask = 0xffffffffn;
  let weyl = BigInt(seed);
  const fill = (): bigint => {
    weyl = (weyl + 0x9e3779b9n) & mask;
    let z = weyl;
    z = ((z ^ (z >> 16n)) * 0x85ebca6bn) & mask;
    z = ((z ^ (z >> 13n)) * 0xc2b2ae35n) & mask;
    return z ^ (z >> 16n);
  };
  const s: [bigint, bigint, bigint, bigint] = [fill(), fill(), fill(), fill()];
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask;
  return () => {
    const result = (rotate((s[1] * 5n) & mask, 7n) * 9n) & mask;
    const t = (s[1] << 9n) & mask;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11n);
    return result;
  };
}
