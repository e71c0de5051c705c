/** Estimates against the truth, on a simulated engine: its steps follow a line, and texts end at times of their own. */
import { estimateQueued, throughputOf, type WorkerSpeed } from '@prosemill/core';
import { expect, it } from 'vitest';
import { createSpeedMeter } from './speed-meter.ts';

interface Load {
  readonly slots: number;
  /** Unfinished jobs: a new one comes when one ends. */
  readonly unfinished: number;
  readonly stepMs: number;
  readonly textMs: number;
  /** The most new tokens of a text, and the share of texts that end early. */
  readonly newTokens: readonly [number, number];
  readonly earlyShare: number;
}

interface SimulatedJob {
  readonly budget: number;
  readonly newTokens: number;
  readonly submittedAt: number;
  readonly estimatedAt: number | null;
}

interface RunningJob {
  readonly job: SimulatedJob;
  readonly startedAt: number;
  left: number;
}

const sumOf = (jobs: readonly SimulatedJob[]): number => jobs.reduce((sum, job) => sum + job.budget, 0);

const promptTokens = 20;
const heartbeatMs = 5_000;
const warmUpMs = 60_000;
const endMs = 240_000;

/** A small generator of random numbers, so that each run is the same. @see mulberry32 */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @returns the errors of the estimates, as shares of the times from the submits to the ends */
function simulate({ slots, unfinished, stepMs, textMs, newTokens: [low, high], earlyShare }: Load): readonly number[] {
  const random = createRandom(7);
  const meter = createSpeedMeter({ slots });
  const queue: SimulatedJob[] = [];
  const running: RunningJob[] = [];
  const errors: number[] = [];
  let reported: WorkerSpeed | null = null;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let now = 0;

  function estimateEnd(budget: number): number | null {
    const report = { id: 'w', state: 'ready', loadProgress: null, note: null, model: null, slots, busy: 0 } as const;
    const throughput = throughputOf([{ ...report, activity: null, speed: reported }]);
    if (throughput === null) return null;
    const load = {
      jobs: running.length,
      tokens: sumOf(running.map(({ job }) => job)),
      ms: running.reduce((sum, { startedAt }) => sum + now - startedAt, 0),
    };
    const ahead = { jobs: queue.length, tokens: sumOf(queue) };
    return now + estimateQueued({ tokens: budget, ahead }, load, throughput).finishInMs;
  }

  function submit(): void {
    const most = Math.round(low + random() * (high - low));
    const newTokens = random() < earlyShare ? Math.ceil(random() * most) : most;
    const budget = promptTokens + most;
    queue.push({ budget, newTokens, submittedAt: now, estimatedAt: estimateEnd(budget) });
  }

  function end({ job, startedAt }: RunningJob): void {
    const usage = { promptTokens, completionTokens: job.newTokens };
    meter.addText({ usage, generationMs: now - startedAt, tokenBudget: job.budget }, now);
    if (job.submittedAt > warmUpMs && job.estimatedAt !== null) {
      errors.push(Math.abs(job.estimatedAt - now) / (now - job.submittedAt));
    }
    submit();
  }

  for (let jobs = 0; jobs < unfinished; jobs += 1) submit();
  while (now < endMs) {
    while (running.length < slots && queue.length > 0) {
      const job = queue.shift() as SimulatedJob;
      running.push({ job, startedAt: now, left: job.newTokens });
    }
    // The time of a step varies by a fifth.
    const cycleMs = (stepMs + running.length * textMs) * (0.8 + 0.4 * random());
    now += cycleMs;
    meter.addSteps([{ rows: running.length, cycleMs }], now);
    for (const each of running) each.left -= 1;
    for (const each of running.filter(({ left }) => left === 0)) end(each);
    running.splice(0, running.length, ...running.filter(({ left }) => left > 0));
    if (now - reportedAt >= heartbeatMs) {
      reported = meter.current(now);
      reportedAt = now;
    }
  }
  return errors.toSorted((a, b) => a - b);
}

const batched = { slots: 32, stepMs: 2.3, textMs: 0.4, newTokens: [16, 180], earlyShare: 0 } as const;

it.each([
  ['twice as many jobs as slots', { ...batched, unfinished: 64 }],
  ['ten times as many', { ...batched, unfinished: 320 }],
  ['texts that often end early', { ...batched, unfinished: 96, earlyShare: 0.5 }],
  ['free slots', { ...batched, unfinished: 12 }],
  ['texts of one length', { ...batched, unfinished: 96, newTokens: [100, 100] as const }],
  ['one text at a time', { ...batched, slots: 1, unfinished: 10, stepMs: 8 }],
])('the median error under a steady load is within 25 %%: %s', (_name, load) => {
  const errors = simulate(load);
  expect(errors.length).toBeGreaterThan(100);
  expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(0.25);
});
