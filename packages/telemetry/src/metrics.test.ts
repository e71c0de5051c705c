import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

describe('metrics', () => {
  it('are read as text, each as it is at that moment', async () => {
    const metrics = createMetrics();
    const countCalls = metrics.counter({ name: 'test_calls_total', help: 'Calls.' });
    let waiting = 2;
    metrics.gauge({ name: 'test_waiting', help: 'Who waits.' }, () => waiting);
    expect(await metrics.read()).toMatch(/^test_calls_total 0\n(?:.*\n)*test_waiting 2$/m);
    countCalls();
    countCalls(5);
    waiting = 3;
    expect(await metrics.read()).toMatch(/^test_calls_total 6\n(?:.*\n)*test_waiting 3$/m);
    expect(metrics.contentType).toContain('text/plain');
  });

  it('know how late the event loop is', async () => {
    const lag = /^nodejs_eventloop_lag_max_seconds ([\d.e+-]+)$/m;
    const metrics = createMetrics();
    const lagAfterWork = async (): Promise<number> => {
      const until = performance.now() + 150;
      while (performance.now() < until);
      await new Promise(setImmediate);
      return Number(lag.exec(await metrics.read())?.[1]);
    };
    // A reading starts the measurement anew, and its first turn only starts the clock.
    await expect.poll(lagAfterWork, { interval: 50 }).toBeGreaterThan(0.1);
  });
});
