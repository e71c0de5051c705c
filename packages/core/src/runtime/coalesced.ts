/** A cache of one value, which is loaded on demand. */

/**
 * Calls `load` at most once in `maxAgeMs`, and never twice at a time: all callers share its promise, also a rejected
 * one. The age of a value counts from the start of its load, since it may be outdated from then on.
 * @param maxAgeMs  0: only a load under way is shared. Infinity: the first load is shared for good.
 */
export function coalesced<Value>(maxAgeMs: number, load: () => Promise<Value>): () => Promise<Value> {
  let latest: Promise<Value> | null = null;
  let isLoading = false;
  let startedAt = Number.NEGATIVE_INFINITY;

  return function read() {
    if (latest !== null && (isLoading || performance.now() - startedAt < maxAgeMs)) return latest;
    startedAt = performance.now();
    latest = load().finally(() => (isLoading = false));
    isLoading = true;
    return latest;
  };
}
