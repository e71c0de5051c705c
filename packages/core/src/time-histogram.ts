/** Histograms of times, which add up over windows of time, and their quantiles. */

/** Buckets per factor e. Each is 5 % wider than the one before it: quantiles are 2.5 % off at most. */
export const bucketsPerE = 20;

/** The bucket of a time, or of another value that is not negative. SQL has the same formula. */
export const bucketOf = (ms: number): number => Math.floor(Math.log(ms + 1) * bucketsPerE);

/** The number of times in each bucket. */
export type TimeHistogram = ReadonlyMap<number, number>;

const lowerEnd = (bucket: number): number => Math.exp(bucket / bucketsPerE) - 1;

export function mergeHistograms(histograms: Iterable<TimeHistogram>): TimeHistogram {
  const merged = new Map<number, number>();
  for (const histogram of histograms) {
    for (const [bucket, count] of histogram) merged.set(bucket, (merged.get(bucket) ?? 0) + count);
  }
  return merged;
}

/**
 * Interpolates within a bucket.
 * @param shares  0 to 1, ascending.
 * @returns milliseconds; null for an empty histogram
 */
export function quantilesOf(histogram: TimeHistogram, shares: readonly number[]): readonly (number | null)[] {
  const buckets = [...histogram].toSorted(([a], [b]) => a - b);
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  return shares.map((share) => {
    let before = 0;
    for (const [bucket, count] of buckets) {
      if (before + count >= share * total) {
        const [low, high] = [lowerEnd(bucket), lowerEnd(bucket + 1)];
        return low + (high - low) * ((share * total - before) / count);
      }
      before += count;
    }
    return null;
  });
}
