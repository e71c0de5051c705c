/** Longer timers end at once. */
const longestMs = 2 ** 31 - 1;

/** A pause that a signal ends, of 24 days at most. @throws the reason of the signal */
export async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(end, Math.min(ms, longestMs));
    signal?.addEventListener('abort', end, { once: true });
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted === true) reject(signal.reason as Error);
      else resolve();
    }
  });
}
