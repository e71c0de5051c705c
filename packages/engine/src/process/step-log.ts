/** Collects steps until they are reported: about once a second, together with a message that is sent anyway. */
import type { EngineStep } from '@prosemill/core';

const intervalMs = 1_000;
/** Later steps are dropped while the worker is silent. This many fast steps take a few minutes. */
const maxSteps = 10_000;

export class StepLog {
  #steps: EngineStep[] = [];
  #takenAt = 0;

  add(step: EngineStep): void {
    if (this.#steps.length < maxSteps) this.#steps.push(step);
  }

  /** @param now  Milliseconds of a monotonic clock. */
  takeAll(now = performance.now()): readonly EngineStep[] {
    const steps = this.#steps;
    this.#steps = [];
    this.#takenAt = now;
    return steps;
  }

  /** Like `takeAll`, but returns no steps within a second of the last take. */
  takeDue(now = performance.now()): readonly EngineStep[] {
    return now - this.#takenAt < intervalMs ? [] : this.takeAll(now);
  }
}
