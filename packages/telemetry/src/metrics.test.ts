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
    const lagSeconds = async (): Promise<number> => Number(lag.exec(await metrics.read())?.[1]);
    // The first turn that is measured.
    await expect.poll(lagSeconds, { interval: 20 }).toBeGreaterThan(0);
    const until = performance.now() + 200;
    while (performance.now() < until);
    await expect.poll(lagSeconds, { interval: 1 }).toBeGreaterThan(0.1);
  });
});
