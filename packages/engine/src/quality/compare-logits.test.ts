import { describe, expect, it } from 'vitest';
import { addScores, compareLogits, noScore } from './compare-logits.ts';

const logitsOf = (...shares: number[]): Float32Array => Float32Array.from(shares, Math.log);

/** Probabilities of 3 tokens: ½, ¼, ¼ in fp32, and ¼, ½, ¼ in the other format. */
const reference = logitsOf(0.5, 0.25, 0.25);
const logits = logitsOf(0.25, 0.5, 0.25);

describe('one row', () => {
  it('adds −ln of the probability of the next token', () => {
    const { negativeLogLikelihood, tokens } = compareLogits({ logits, reference, targets: [2] });
    expect([tokens, negativeLogLikelihood]).toEqual([1, expect.closeTo(Math.log(4), 6)]);
  });

  it('diverges from fp32 by Σ p ln(p / q)', () => {
    const expected = 0.5 * Math.log(0.5 / 0.25) + 0.25 * Math.log(0.25 / 0.5);
    expect(compareLogits({ logits, reference, targets: [0] }).divergence).toBeCloseTo(expected, 6);
  });

  it.each([
    ['another', logits, 0],
    ['the same', logitsOf(0.4, 0.3, 0.3), 1],
    ['the first of two', logitsOf(0.4, 0.4, 0.2), 1],
  ])('compares the most probable tokens: %s', (_name, row, agreements) => {
    expect(compareLogits({ logits: row, reference, targets: [0] })).toMatchObject({ agreements });
  });

  it('has the same scores when a large number is added to all of its logits', () => {
    const moved = logits.map((value) => value + 64);
    const scores = [logits, moved].map((row) => compareLogits({ logits: row, reference, targets: [1] }));
    expect(scores[1]?.divergence).toBeCloseTo(scores[0]?.divergence ?? 0, 5);
    expect(scores[1]?.negativeLogLikelihood).toBeCloseTo(Math.log(2), 5);
  });

  it('does not diverge from itself, and agrees with itself', () => {
    expect(compareLogits({ logits, reference: logits, targets: [0] })).toMatchObject({ divergence: 0, agreements: 1 });
  });
});

it('scores of several rows and several windows add up', () => {
  const two = compareLogits({
    logits: Float32Array.of(...logits, ...reference),
    reference: Float32Array.of(...reference, ...reference),
    targets: [2, 0],
  });
  const first = compareLogits({ logits, reference, targets: [2] });
  const second = compareLogits({ logits: reference, reference, targets: [0] });
  expect(two).toEqual(addScores(addScores(noScore, first), second));
  expect(two.tokens).toBe(2);
});
