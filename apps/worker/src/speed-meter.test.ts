import { describe, expect, it } from 'vitest';
import { createSpeedMeter, type EndedText, fitSteps } from './speed-meter.ts';

const line = { stepMs: 3, textMs: 0.2 };
const stepOf = (rows: number, { stepMs, textMs } = line) => ({ rows, cycleMs: stepMs + rows * textMs });
const stepsOf = (rows: number, count: number, speed = line) => Array.from({ length: count }, () => stepOf(rows, speed));
const textOf = (promptTokens: number, completionTokens: number, budget: number | null): EndedText => ({
  usage: { promptTokens, completionTokens },
  generationMs: 10 * completionTokens,
  tokenBudget: budget,
});
const hourMs = 3_600_000;

describe('the speed of an engine', () => {
  it('is not known before a step and a text', () => {
    const meter = createSpeedMeter({ slots: 32 });
    expect(meter.current()).toBeNull();
    meter.addSteps(stepsOf(4, 1));
    expect(meter.current()).toBeNull();
    meter.addText(textOf(10, 40, 50));
    expect(meter.current()).toMatchObject({ newTokenShare: 0.8 });
  });

  it('is the line through the durations of its steps', () => {
    const meter = createSpeedMeter({ slots: 32 });
    meter.addText(textOf(10, 40, 50), 0);
    for (const rows of [1, 7, 19, 32]) meter.addSteps(stepsOf(rows, 50), 0);
    const { stepMs, textMs } = meter.current(0) ?? { stepMs: 0, textMs: 0 };
    expect([stepMs, textMs]).toEqual([expect.closeTo(line.stepMs, 1), expect.closeTo(line.textMs, 2)]);
  });

  it('stays known for full batches through hours of single texts', () => {
    const meter = createSpeedMeter({ slots: 32 });
    meter.addText(textOf(10, 40, 50), 0);
    meter.addSteps([...stepsOf(1, 500), ...stepsOf(32, 500)], 0);
    for (let hour = 0; hour < 3; hour += 1) meter.addSteps(stepsOf(1, 10_000), hour * hourMs);
    const { stepMs, textMs } = meter.current(3 * hourMs) ?? { stepMs: 0, textMs: 0 };
    expect(stepMs + textMs).toBeCloseTo(3.2, 1);
    expect(Math.abs(stepMs + 32 * textMs - 9.4)).toBeLessThan(0.5);
  });

  it('follows a machine that became slower, within seconds', () => {
    const meter = createSpeedMeter({ slots: 32 });
    meter.addText(textOf(10, 40, 50), 0);
    meter.addSteps(stepsOf(32, 1_000), 0);
    meter.addSteps(stepsOf(32, 600, { stepMs: 6, textMs: 1 }), 20_000);
    const { stepMs, textMs } = meter.current(20_000) ?? { stepMs: 0, textMs: 0 };
    expect(Math.abs(stepMs + 32 * textMs - 38)).toBeLessThan(2);
  });

  it('counts texts as steps where an engine runs one at a time', () => {
    const meter = createSpeedMeter({ slots: 1 });
    meter.addText(textOf(10, 40, 50));
    const { stepMs, textMs } = meter.current() ?? { stepMs: 0, textMs: 0 };
    expect(stepMs + textMs).toBeCloseTo(10);
  });

  it('has the share of the budgets that texts become, of the latest texts', () => {
    const meter = createSpeedMeter({ slots: 32 });
    meter.addSteps(stepsOf(1, 1));
    meter.addText(textOf(10, 20, null));
    expect(meter.current()).toBeNull();
    for (let texts = 0; texts < 500; texts += 1) meter.addText(textOf(10, 40, 50));
    for (let texts = 0; texts < 500; texts += 1) meter.addText(textOf(10, 5, 50));
    expect(meter.current()?.newTokenShare).toBeCloseTo(0.1, 3);
  });
});

describe('the line through points', () => {
  it('has the typical slope through steps of one size', () => {
    const { stepMs, textMs } = fitSteps([{ texts: 1, ms: 7, weight: 100 }]);
    expect([stepMs, textMs]).toEqual([expect.closeTo(6), expect.closeTo(1)]);
  });

  it('never falls, and never begins below zero', () => {
    const falling = [1, 16, 32].map((texts) => ({ texts, ms: 40 - texts, weight: 100 }));
    expect(fitSteps(falling).textMs).toBe(0);
    const steep = [1, 2, 3].map((texts) => ({ texts, ms: texts ** 3, weight: 100 }));
    const { stepMs, textMs } = fitSteps(steep);
    expect(stepMs).toBeCloseTo(0);
    expect(textMs).toBeGreaterThan(0);
  });
});
