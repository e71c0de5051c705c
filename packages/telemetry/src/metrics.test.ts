import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

async function work(): Promise<void> {
  const until = performance.now() + 250;
  while (performance.now() < until);
  await new Promise(setImmediate);
}

describe('metrics', () => {
  it('are read as text, with their current values', async () => {
    const metrics = createMetrics();
    const countCalls = metrics.counter({ name: 'test_calls_total', help: 'Calls.' });
    let waiting = 2;
    metrics.gauge({ name: 'test_waiting', help: 'Callers that wait.' }, () => waiting);
    expect(await metrics.read()).toMatch(/^test_calls_total 0\n(?:.*\n)*test_waiting 2$/m);
    countCalls();
    countCalls(5);
    waiting = 3;
    expect(await metrics.read()).toMatch(/^test_calls_total 6\n(?:.*\n)*test_waiting 3$/m);
    expect(metrics.contentType).toContain('text/plain');
  });

  it('have all series from the start if the label values are known', async () => {
    const metrics = createMetrics();
    const count = metrics.counters({ name: 'test_calls_total', help: 'Calls.', label: 'by', values: ['a', 'b'] });
    count('b', 2);
    expect(await metrics.read()).toMatch(/^test_calls_total\{by="a"\} 0\ntest_calls_total\{by="b"\} 2$/m);
  });

  it('have the series of the last reading only', async () => {
    const metrics = createMetrics();
    let state = 'idle';
    metrics.gauges({ name: 'test_things', help: 'Things.', labels: ['state'] }, () => [
      { labels: { state }, value: 1 },
    ]);
    expect(await metrics.read()).toContain('test_things{state="idle"} 1');
    state = 'busy';
    const text = await metrics.read();
    expect(text).toContain('test_things{state="busy"} 1');
    expect(text).not.toContain('idle');
  });

  it('count values in buckets', async () => {
    const metrics = createMetrics();
    const observe = metrics.histogram({ name: 'test_seconds', help: 'Time.', buckets: [1, 2] });
    const observeFor = metrics.histograms({ name: 'test_by_seconds', help: 'Time.', labels: ['by'], buckets: [1] });
    observe(1.5);
    observeFor(0.5, { by: 'a' });
    const text = await metrics.read();
    expect(text).toMatch(/^test_seconds_bucket\{le="1"\} 0\ntest_seconds_bucket\{le="2"\} 1$/m);
    expect(text).toContain('test_by_seconds_sum{by="a"} 0.5');
  });

  it('have the delay of the event loop', async () => {
    const lag = /^nodejs_eventloop_lag_max_seconds ([\d.e+-]+)$/m;
    const metrics = createMetrics();
    const lagAfterWork = async (): Promise<number> => {
      // A reading restarts the measurement, whose first tick only starts the clock.
      for (let turn = 0; turn < 3; turn += 1) await work();
      return Number(lag.exec(await metrics.read())?.[1]);
    };
    // An idle loop has 0.1 s.
    await expect.poll(lagAfterWork, { interval: 50 }).toBeGreaterThan(0.2);
  });
});
