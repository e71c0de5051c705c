/** For stopping: what needs a server that may be away is waited for, but not for long. */

/** Resolves when `closing` has ended, well or not, and in `limitMs` at the latest. */
export async function settleWithin(limitMs: number, closing: Promise<unknown>): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, limitMs);
  await Promise.race([closing.catch(() => undefined), limit.promise]);
  clearTimeout(timer);
}
