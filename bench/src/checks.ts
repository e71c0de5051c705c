/** The engine's performance targets, each with the measured value. */
import { ratioOf } from './ratios.ts';
import type { BenchResults } from './results.ts';
import { scenarioNames } from './scenarios.ts';
import { median } from './statistics.ts';

export interface Check {
  readonly name: string;
  readonly target: string;
  readonly measured: string;
  /** Null when the value could not be measured. */
  readonly holds: boolean | null;
}

/** The tolerated growth of memory, which varies with the lengths of the running texts. */
const flatWithin = 1.05;

export function checksOf(results: Omit<BenchResults, 'checks'>): readonly Check[] {
  const { firstToken, memory } = results;
  const rate = (scenario: keyof typeof scenarioNames, contestant: string): number =>
    median(
      results.measurements.find(
        (measurement) => measurement.scenario === scenarioNames[scenario] && measurement.contestant === contestant,
      )?.rounds ?? [],
    );
  const int8 = 'batched int8';
  const ratio = (scenario: keyof typeof scenarioNames, contestant: string): number =>
    ratioOf(results.measurements, { scenario: scenarioNames[scenario], ours: int8, others: [contestant] });
  const overTime = memory?.overTimeMB ?? [];
  const half = overTime.length / 2;
  const growth = Math.max(...overTime.slice(half)) / Math.max(...overTime.slice(0, half));
  return [
    atLeast('int8, full queue of 32, against the pipeline', 25, ratio('queue32', 'transformers.js pipeline'), '×'),
    atLeast('int8, full queue of 32, against llama.cpp', 3, ratio('queue32', 'llama.cpp Q8_0'), '×'),
    atLeast('int8, full queue of 64, against llama.cpp', 3, ratio('queue64', 'llama.cpp Q8_0'), '×'),
    atLeast('int8, single stream, against the pipeline', 3.3, ratio('single', 'transformers.js pipeline'), '×'),
    atLeast('int8, single stream, against llama.cpp', 1.1, ratio('single', 'llama.cpp Q8_0'), '×'),
    atLeast('int8, full queue of 32: the weights’ products in a step', 60, results.weightsShare * 100, ' %'),
    atLeast(
      'int8, mixed lengths against equal lengths',
      85,
      (rate('queue32', int8) / rate('ideal32', int8)) * 100,
      ' %',
    ),
    atMost('first token of a short prompt while 31 texts run, median', 2, firstToken.median, ' steps'),
    atMost('memory of int8 after loading', 350, memory?.idleMB, ' MB'),
    atMost('memory of int8 with 32 texts of 512 tokens', 600, memory?.fullMB, ' MB'),
    atMost('memory of int8 over 10,000 steps: most of the second half against the first', flatWithin, growth, '×'),
    atMost('int8, from the start of the process to ready', 1, (memory?.startMs ?? Number.NaN) / 1_000, ' s'),
    atMost('int8, the first start of a model', 20, (memory?.firstStartMs ?? Number.NaN) / 1_000, ' s'),
  ];
}

export function atLeast(name: string, target: number, value: number, unit: string): Check {
  return {
    ...check(name, value, unit),
    target: `≥ ${target}${unit}`,
    holds: Number.isNaN(value) ? null : value >= target,
  };
}

export function atMost(name: string, target: number, value: number | undefined, unit: string): Check {
  const known = value ?? Number.NaN;
  return {
    ...check(name, known, unit),
    target: `≤ ${target}${unit}`,
    holds: Number.isNaN(known) ? null : known <= target,
  };
}

const check = (name: string, value: number, unit: string): Pick<Check, 'name' | 'measured'> => ({
  name,
  measured: Number.isNaN(value) ? 'not measured' : `${value.toFixed(value < 100 ? 2 : 0)}${unit}`,
});
