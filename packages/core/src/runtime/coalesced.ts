/** A cache of one value that is loaded when somebody asks for it. */

/**
 * Calls `load` at most once in `maxAgeMs`, and never twice at a time: all callers share its promise, also a rejected
 * one. Its age counts from the start of the load, since the answer may be outdated from then on.
 * @param maxAgeMs  0: only a load under way is shared. Infinity: there is one load, for good.
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
