import { describe, expect, it } from 'vitest';
import { estimateQueued, estimateRunning } from './estimate.ts';
import type { WorkerReport, WorkerState } from './ports/worker-store.ts';
import { type Throughput, throughputOf, type WorkerSpeed } from './speed.ts';

const speed: WorkerSpeed = { stepMs: 4, textMs: 0.5, newTokenShare: 0.5 };

const workerOf = (slots: number, own: WorkerSpeed | null, state: WorkerState = 'ready'): WorkerReport => ({
  id: `${slots}`,
  state,
  loadProgress: null,
  note: null,
  model: null,
  slots,
  busy: 0,
  speed: own,
  activity: null,
});

function known(workers: readonly WorkerReport[]): Throughput {
  const throughput = throughputOf(workers);
  if (throughput === null) throw new Error('The throughput is not known.');
  return throughput;
}

describe('the throughput', () => {
  it('is not known without a ready worker that knows its speed', () => {
    expect(throughputOf([])).toBeNull();
    expect(throughputOf([workerOf(8, null), workerOf(8, speed, 'draining')])).toBeNull();
  });

  it('is that of full batches, in tokens of budgets', () => {
    const { slots, tokensPerMs, msPerToken } = known([workerOf(8, speed)]);
    expect([slots, tokensPerMs]).toEqual([8, 8 / (0.5 * (4 + 8 * 0.5))]);
    expect([msPerToken(1), msPerToken(8), msPerToken(100)]).toEqual([0.5 * 4.5, 0.5 * 8, 0.5 * 8]);
  });

  it('adds up workers, and takes those without a measure for average ones', () => {
    const one = known([workerOf(8, speed)]);
    const three = known([workerOf(8, speed), workerOf(8, speed), workerOf(8, null)]);
    expect([three.slots, three.tokensPerMs]).toEqual([24, expect.closeTo(3 * one.tokensPerMs)]);
    expect(three.msPerToken(24)).toBeCloseTo(one.msPerToken(8));
    expect(three.msPerToken(12)).toBeCloseTo(one.msPerToken(4));
  });
});

describe('the estimate of a queued job', () => {
  const throughput = known([workerOf(8, speed)]);
  const idle = { jobs: 0, tokens: 0, ms: 0 };
  const textMs = 100 * throughput.msPerToken(8);

  it('starts at once while a slot is free for it, as fast as its company allows', () => {
    const estimate = estimateQueued({ tokens: 100, ahead: { jobs: 2, tokens: 200 } }, idle, throughput);
    expect(estimate).toEqual({ startInMs: 0, finishInMs: 100 * throughput.msPerToken(3) });
  });

  it('waits for the work before it, while texts start at different times', () => {
    const running = { jobs: 8, tokens: 800, ms: (8 * textMs) / 2 };
    const estimate = estimateQueued({ tokens: 100, ahead: { jobs: 80, tokens: 8_000 } }, running, throughput);
    expect(estimate.startInMs / textMs).toBeCloseTo((80 + 0.5) / 8);
    expect(estimate.finishInMs).toBeCloseTo(estimate.startInMs + textMs);
  });

  it('waits for half of a text on average, where one text runs at a time', () => {
    const single = known([workerOf(1, { stepMs: 10, textMs: 0, newTokenShare: 1 })]);
    const running = { jobs: 1, tokens: 100, ms: 500 };
    const estimate = estimateQueued({ tokens: 50, ahead: { jobs: 0, tokens: 0 } }, running, single);
    expect(estimate).toEqual({ startInMs: 500, finishInMs: 1_000 });
  });

  it.each([8, 16, 40, 80])('is near the truth for job %i of a burst of equal texts on idle workers', (ahead) => {
    const estimate = estimateQueued({ tokens: 100, ahead: { jobs: ahead, tokens: ahead * 100 } }, idle, throughput);
    const truth = (Math.floor(ahead / 8) + 1) * textMs;
    expect(Math.abs(estimate.finishInMs - truth) / truth).toBeLessThan(0.3);
  });
});

it('a running job finishes when its tokens are done, and now when it is late', () => {
  const throughput = known([workerOf(8, speed)]);
  const running = { jobs: 8, tokens: 800, ms: 0 };
  expect(estimateRunning({ tokens: 100, ranMs: 100 }, running, throughput)).toBeCloseTo(300);
  expect(estimateRunning({ tokens: 100, ranMs: 900 }, running, throughput)).toBe(0);
});
