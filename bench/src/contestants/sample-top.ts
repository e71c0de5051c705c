/**
 * Draws one of the `count` largest logits by their softmax.
 * @returns the index of the logit
 */
export function sampleTop(logits: Float32Array, count: number, random: () => number = Math.random): number {
  const top = topIndices(logits, count);
  const largest = logits[top[0] ?? 0] ?? 0;
  const weights = top.map((index) => Math.exp((logits[index] ?? 0) - largest));
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [place, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return top[place] ?? 0;
  }
  return top[0] ?? 0;
}

/**
 * The indices of the largest values, largest first. Takes one pass with few insertions: few values are among the
 * largest so far.
 */
function topIndices(values: Float32Array, count: number): readonly number[] {
  const top: number[] = [];
  let smallest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? 0;
    if (top.length === count && value <= smallest) continue;
    let place = top.length === count ? count - 1 : top.length;
    while (place > 0 && (values[top[place - 1] ?? 0] ?? 0) < value) {
      top[place] = top[place - 1] ?? 0;
      place -= 1;
    }
    top[place] = index;
    smallest = values[top.at(-1) ?? 0] ?? 0;
  }
  return top;
}
