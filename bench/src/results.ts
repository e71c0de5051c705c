/** All that one run measures, as it is stored. */
import type { Check } from './checks.ts';
import type { MemoryUse } from './engine/memory.ts';
import type { StepCost } from './engine/step-cost.ts';
import type { Machine } from './machine.ts';
import type { MachineLimits } from './machine-limits-process.ts';
import type { Measurement } from './measure.ts';
import type { Summary } from './statistics.ts';

export interface BenchResults {
  readonly date: string;
  /** Version of `batched`. */
  readonly engine: string;
  readonly machine: Machine;
  readonly limits: MachineLimits;
  readonly measurements: readonly Measurement[];
  /** Of int8. */
  readonly stepCosts: readonly StepCost[];
  /** In decode steps. */
  readonly firstToken: Summary;
  /** Of int8; null where the system does not tell. */
  readonly memory: MemoryUse | null;
  /** Of int8 in a full queue of 32: what the matrix multiplications of the weights take of a step's time, 0–1. */
  readonly weightsShare: number;
  readonly checks: readonly Check[];
  /** Contestants that did not take part, and why. */
  readonly missing: readonly string[];
}
