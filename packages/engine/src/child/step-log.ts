/** Steps that the worker has not heard of yet. They travel with messages that are sent anyway, and not with each of those. */
import type { EngineStep } from '@prosemill/core';

const intervalMs = 1_000;
/** A worker that asks nothing for so long hears no more of them: some minutes of fast steps. */
const maxSteps = 10_000;

export class StepLog {
  #steps: EngineStep[] = [];
  #takenAt = 0;

  add(step: EngineStep): void {
    if (this.#steps.length < maxSteps) this.#steps.push(step);
  }

  /** @param now  Milliseconds of a clock that never goes back. */
  takeAll(now = performance.now()): readonly EngineStep[] {
    const steps = this.#steps;
    this.#steps = [];
    this.#takenAt = now;
    return steps;
  }

  /** None when some were taken less than a second ago. */
  takeDue(now = performance.now()): readonly EngineStep[] {
    return now - this.#takenAt < intervalMs ? [] : this.takeAll(now);
  }
}
