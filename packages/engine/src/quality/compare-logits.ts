/** How near the predictions of one number format are to those of another, and to the text. Pure. */

/** Sums over scored tokens, so that windows can be added up. */
export interface ScoreSums {
  readonly tokens: number;
  /** −ln p of the tokens that the text goes on with, in nats. */
  readonly negativeLogLikelihood: number;
  /** KL(reference ‖ this), in nats. */
  readonly divergence: number;
  /** Tokens whose most probable successor is the reference's. */
  readonly agreements: number;
}

export interface LogitRows {
  /** Shape [L, V]. */
  readonly logits: Float32Array;
  /** Shape [L, V]: those of fp32, on the same tokens. */
  readonly reference: Float32Array;
  /** Shape [L]: the token that the text goes on with. */
  readonly targets: ArrayLike<number>;
}

export const noScore: ScoreSums = { tokens: 0, negativeLogLikelihood: 0, divergence: 0, agreements: 0 };

/** Of L rows over a vocabulary of V. Compared with itself, a format has divergence 0 and agrees everywhere. */
export function compareLogits({ logits, reference, targets }: LogitRows): ScoreSums {
  const vocabulary = logits.length / targets.length;
  let negativeLogLikelihood = 0;
  let divergence = 0;
  let agreements = 0;
  for (let row = 0; row < targets.length; row += 1) {
    const [from, to] = [row * vocabulary, (row + 1) * vocabulary];
    const own = logits.subarray(from, to);
    const other = reference.subarray(from, to);
    const ownSum = logSumOf(own);
    const otherSum = logSumOf(other);
    negativeLogLikelihood += ownSum.logSum - (own[targets[row] ?? 0] ?? 0);
    divergence += divergenceOf({ row: own, logSum: ownSum.logSum, reference: other, referenceSum: otherSum.logSum });
    if (ownSum.top === otherSum.top) agreements += 1;
  }
  return { tokens: targets.length, negativeLogLikelihood, divergence, agreements };
}

export function addScores(one: ScoreSums, two: ScoreSums): ScoreSums {
  return {
    tokens: one.tokens + two.tokens,
    negativeLogLikelihood: one.negativeLogLikelihood + two.negativeLogLikelihood,
    divergence: one.divergence + two.divergence,
    agreements: one.agreements + two.agreements,
  };
}

/**
 * The row's logarithm of the sum of exponentials, and the id of its largest logit (of equal ones the lowest).
 * Shape [V].
 */
function logSumOf(row: Float32Array): { logSum: number; top: number } {
  let top = 0;
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < row.length; id += 1) {
    const value = row[id] as number;
    if (value > largest) {
      largest = value;
      top = id;
    }
  }
  let sum = 0;
  for (let id = 0; id < row.length; id += 1) sum += Math.exp((row[id] as number) - largest);
  return { logSum: largest + Math.log(sum), top };
}

/** Σ p (ln p − ln q), where p is the reference. Both of shape [V]. */
function divergenceOf(of: {
  row: Float32Array;
  logSum: number;
  reference: Float32Array;
  referenceSum: number;
}): number {
  const { row, logSum, reference, referenceSum } = of;
  let sum = 0;
  for (let id = 0; id < row.length; id += 1) {
    const logReference = (reference[id] as number) - referenceSum;
    sum += Math.exp(logReference) * (logReference - ((row[id] as number) - logSum));
  }
  return sum;
}
