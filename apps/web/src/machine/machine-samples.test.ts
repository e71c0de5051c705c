import type { MachineBody } from '@prosemill/contract';
import { expect, it } from 'vitest';
import { historyOf, sampleOf } from './machine-samples.ts';

const quantiles = { p50: 1, p95: 2, p99: 3 };
const body: MachineBody = {
  now: '2026-11-29T12:00:00.700Z',
  status: 'healthy',
  problems: [],
  queue: { callers: 1, normal: 2, low: 3, running: 4, oldest_age_s: 5, paused: false, limit: 100 },
  workers: [],
  rates: { tokens: 1_318, accepted: 4, refused: 0, ended: { succeeded: 3, failed: 0.5, canceled: 0, expired: 0 } },
  latency: { queue_ms: quantiles, first_token_ms: quantiles, total_ms: quantiles },
  estimate_error: null,
};

it('takes the present', () => {
  expect(sampleOf(body)).toMatchObject({
    at: Date.parse('2026-11-29T12:00:00Z') / 1_000,
    values: { tokens: 1_318, running: 4, callers: 1, failed: 30, firstTokenP95: 2, totalP99: 3 },
  });
});

it('knows nothing while the database is away', () => {
  const { values } = sampleOf({ ...body, queue: null, rates: null, latency: null });

  expect(new Set(Object.values(values))).toEqual(new Set([null]));
});

it('takes one sample of each second of the history', () => {
  const two = [1, 2];
  const times = { p50: two, p95: [null, 7], p99: two };
  const samples = historyOf({
    history: {
      from: '2026-11-29T11:59:58.000Z',
      step_s: 1,
      queue: { callers: two, normal: two, low: two, running: two },
      rates: {
        tokens: [100, 200],
        accepted: two,
        ended: { succeeded: [0, 4], failed: two, canceled: two, expired: two },
      },
      latency: { queue_ms: times, first_token_ms: times, total_ms: times },
    },
  });

  expect(samples.map(({ at }) => at - sampleOf(body).at)).toEqual([-2, -1]);
  expect(samples[1]?.values).toMatchObject({ tokens: 200, succeeded: 240, firstTokenP95: 7 });
  expect(samples[0]?.values.firstTokenP95).toBeNull();
  expect(historyOf({})).toEqual([]);
});
