/**
 * Measures the speed of the engine: a line through the cycle times of its steps by the number of texts in a step, and
 * the share of their token budgets that texts use.
 */
import type { EngineStep, GeneratedPart, TextGenerator, WorkerSpeed } from '@prosemill/core';

type MeasuredStep = Pick<EngineStep, 'rows' | 'cycleMs'>;

/** The latest steps with one number of texts. */
interface StepsOfSize {
  readonly meanMs: number;
  /** The number of steps so far, at most `maxWeight`. */
  readonly count: number;
  readonly lastAt: number;
}

export interface EndedText extends Pick<GeneratedPart, 'usage' | 'generationMs'> {
  /** Null when the job does not know it. */
  readonly tokenBudget: number | null;
}

export interface SpeedMeter {
  /** @param now  Milliseconds of a monotonic clock. */
  addSteps(steps: readonly MeasuredStep[], now?: number): void;
  addText(text: EndedText, now?: number): void;
  /** Null until a step and a text have been measured. */
  current(now?: number): WorkerSpeed | null;
}

/** Steps that a mean covers: about a second of a busy engine. */
const memory = 50;
/** A size counts by the number of its steps, up to this: the line is best where the engine works most of the time. */
const maxWeight = 2_000;
/**
 * A size counts half when no step has had it for this long, and a third after twice that time. It is never forgotten:
 * while all steps have one size, only other sizes tell the slope.
 */
const halvedAfterMs = 10_000;
/** The share of the budget covers about this many texts. */
const textMemory = 50;
/** `stepMs` divided by `textMs`, as long as only one size has been seen. Source: docs/benchmarks.md. */
const typicalTextsPerStep = 6;

export function createSpeedMeter(generator: Pick<TextGenerator, 'slots'>): SpeedMeter {
  const sizes = new Map<number, StepsOfSize>();
  let budget = 0;
  let newTokens = 0;

  function addSteps(steps: readonly MeasuredStep[], now = performance.now()): void {
    for (const { rows, cycleMs } of steps) {
      const { meanMs, count: before } = sizes.get(rows) ?? { meanMs: 0, count: 0 };
      const count = Math.min(maxWeight, before + 1);
      sizes.set(rows, { meanMs: meanMs + (cycleMs - meanMs) / Math.min(memory, count), count, lastAt: now });
    }
  }

  return {
    addSteps,
    addText({ usage: { completionTokens }, generationMs, tokenBudget }, now) {
      // An engine of one text reports no steps. Each token of its text took one.
      const cycleMs = generationMs / completionTokens;
      if (generator.slots === 1 && completionTokens > 0) addSteps([{ rows: 1, cycleMs }], now);
      if (tokenBudget === null || tokenBudget === 0) return;
      const kept = 1 - 1 / textMemory;
      budget = kept * budget + tokenBudget;
      newTokens = kept * newTokens + completionTokens;
    },
    current(now = performance.now()) {
      if (sizes.size === 0 || newTokens === 0) return null;
      const points = [...sizes].map(([texts, { meanMs, count, lastAt }]) => {
        return { texts, ms: meanMs, weight: count / (1 + (now - lastAt) / halvedAfterMs) };
      });
      return { ...fitSteps(points), newTokenShare: newTokens / budget };
    },
  };
}

export interface StepPoint {
  readonly texts: number;
  readonly ms: number;
  readonly weight: number;
}

/**
 * Weighted least squares, with one more point of weight 1 that has the typical slope: it decides only while all steps
 * have had about the same size. Neither the slope nor the time of an empty step is negative.
 */
export function fitSteps(points: readonly StepPoint[]): Pick<WorkerSpeed, 'stepMs' | 'textMs'> {
  const meanOf = (valueOf: (point: StepPoint) => number): number => {
    const total = points.reduce((sum, { weight }) => sum + weight, 0);
    return points.reduce((sum, point) => sum + point.weight * valueOf(point), 0) / total;
  };
  const texts = meanOf((point) => point.texts);
  const ms = meanOf((point) => point.ms);
  const typical = ms / (typicalTextsPerStep + texts);
  const total = points.reduce((sum, { weight }) => sum + weight, 0);
  const variance = total * meanOf((point) => (point.texts - texts) ** 2);
  const covariance = total * meanOf((point) => (point.texts - texts) * (point.ms - ms));
  const slope = (covariance + typical) / (variance + 1);
  const textMs = Math.min(Math.max(0, slope), ms / texts);
  return { stepMs: ms - textMs * texts, textMs };
}
