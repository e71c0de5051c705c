/** Work that makes sense only while somebody can see the page. */

/**
 * Runs `work` at once and then again `ms` after each end, as long as the page is visible; a page that becomes visible
 * again works at once.
 * @returns stops; a run under way is told by its signal
 */
export function everyWhileVisible(ms: number, work: (signal: AbortSignal) => Promise<unknown>): () => void {
  const stopping = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWorking = false;

  const run = async (): Promise<void> => {
    clearTimeout(timer);
    if (isWorking || document.hidden || stopping.signal.aborted) return;
    isWorking = true;
    try {
      await work(stopping.signal);
    } finally {
      isWorking = false;
      if (!stopping.signal.aborted) timer = setTimeout(() => void run(), ms);
    }
  };

  document.addEventListener('visibilitychange', () => void run(), { signal: stopping.signal });
  void run();
  return () => {
    stopping.abort();
    clearTimeout(timer);
  };
}
