/** Compares the predictions of one number format with those of another and with the text. Pure. */

/** Sums over the scored tokens, so that the scores of windows can be added up. */
export interface ScoreSums {
  readonly tokens: number;
  /** The sum of −ln p over the actual next tokens of the text, in nats. */
  readonly negativeLogLikelihood: number;
  /** KL(reference ‖ this), in nats. */
  readonly divergence: number;
  /** The number of positions at which the most probable next token is the same as in the reference. */
  readonly agreements: number;
}

export interface LogitRows {
  /** Shape [L, V]. */
  readonly logits: Float32Array;
  /** Shape [L, V]: the logits of fp32 for the same tokens. */
  readonly reference: Float32Array;
  /** Shape [L]: the actual next token of the text. */
  readonly targets: ArrayLike<number>;
}

export const noScore: ScoreSums = { tokens: 0, negativeLogLikelihood: 0, divergence: 0, agreements: 0 };

/** Scores L rows over a vocabulary of V. A format compared with itself has divergence 0 and agrees everywhere. */
export function compareLogits({ logits, reference, targets }: LogitRows): ScoreSums {
  const vocabulary = logits.length / targets.length;
  let negativeLogLikelihood = 0;
  let divergence = 0;
  let agreements = 0;
  for (let row = 0; row < targets.length; row += 1) {
    const [from, to] = [row * vocabulary, (row + 1) * vocabulary];
    const own = summed(logits.subarray(from, to));
    const other = summed(reference.subarray(from, to));
    negativeLogLikelihood += own.logSum - (own.row[targets[row] ?? 0] ?? 0);
    divergence += divergenceOf(own, other);
    if (own.top === other.top) agreements += 1;
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

interface SummedRow {
  /** Shape [V]. */
  readonly row: Float32Array;
  /** The log-sum-exp of the row. */
  readonly logSum: number;
  /** The id of the largest logit; among equal logits the lowest id. */
  readonly top: number;
}

function summed(row: Float32Array): SummedRow {
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
  return { row, logSum: largest + Math.log(sum), top };
}

/** The KL divergence Σ p (ln p − ln q), where p is the reference. */
function divergenceOf({ row, logSum }: SummedRow, reference: SummedRow): number {
  let sum = 0;
  for (let id = 0; id < row.length; id += 1) {
    const logReference = (reference.row[id] as number) - reference.logSum;
    sum += Math.exp(logReference) * (logReference - ((row[id] as number) - logSum));
  }
  return sum;
}
