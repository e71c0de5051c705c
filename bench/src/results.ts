/** All measurements of one run, in the format in which they are stored. */
import type { Check } from './checks.ts';
import type { MemoryUse } from './engine/memory.ts';
import type { StepCost } from './engine/step-cost.ts';
import type { Machine } from './machine.ts';
import type { MachineLimits } from './machine-limits-process.ts';
import type { Measurement } from './measure.ts';
import type { Summary } from './statistics.ts';

/** One run on one machine. */
export interface Run {
  readonly date: string;
  /** The version of `batched`. */
  readonly engine: string;
  readonly machine: Machine;
}

/** The results of a run that measures the whole service. */
export interface ServiceResults<Measured> extends Run {
  readonly measurements: readonly Measured[];
}

export interface BenchResults extends Run {
  readonly limits: MachineLimits;
  readonly measurements: readonly Measurement[];
  /** The cost of an int8 step. */
  readonly stepCosts: readonly StepCost[];
  /** The time to the first token in decode steps. */
  readonly firstToken: Summary;
  /** The memory of int8; null if the system has no /proc. */
  readonly memory: MemoryUse | null;
  /** The share of a step's time that the matrix multiplications of the weights take, 0 to 1: int8, full queue of 32. */
  readonly weightsShare: number;
  readonly checks: readonly Check[];
  /** For each contestant that did not take part, a sentence with the reason. */
  readonly missing: readonly string[];
}
