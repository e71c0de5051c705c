/** The CPU time of the main thread of a page, which other processes on a busy machine do not lengthen. */
import type { CDPSession, Page } from 'playwright-core';

/** Call it before the page loads anything that counts. */
export async function openThreadClock(page: Page): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return session;
}

/** The CPU time of all tasks so far, in milliseconds. */
export async function threadMs(clock: CDPSession): Promise<number> {
  const { metrics } = await clock.send('Performance.getMetrics');
  return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
}
