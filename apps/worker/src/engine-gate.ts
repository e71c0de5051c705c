/**
 * Admission to the engine: many jobs side by side, or one suspect alone. A suspect is a job with an earlier attempt
 * that ended in a crash. Run alone, a job that kills engines takes no other job with it.
 */
import { settleWithin, type TextGenerator } from '@prosemill/core';

/** How long a permit waits before it is given up: another worker may have claimed its row meanwhile. */
const permitLimitMs = 5_000;

export class EngineGate {
  readonly #generator: TextGenerator;
  /** Permits that wait for the gate to open. */
  readonly #waiting = new Set<() => void>();
  readonly #waitingForEmpty = new Set<() => void>();
  /** Suspects that wait for the engine, first come, first served. */
  readonly #suspects: (() => void)[] = [];
  /** The suspect that has the engine to itself. */
  #alone: (() => void) | null = null;
  /** Claims under way, and jobs that run side by side. */
  #sideBySide = 0;
  #isClosed = false;

  constructor(generator: TextGenerator) {
    this.#generator = generator;
    generator.onStateChange(() => this.#changed());
  }

  /** True while jobs may be claimed: the engine is ready, and no suspect has it or waits for it. */
  get isOpen(): boolean {
    return this.#generator.state.type === 'ready' && this.#alone === null && this.#suspects.length === 0;
  }

  /** True for a suspect that has entered and would have to wait for others. */
  get isShared(): boolean {
    return this.#sideBySide > 1 || this.#alone !== null || this.#suspects.length > 0;
  }

  /** Waits for the gate to open. @returns true: the caller must `leave`; false: the gate stayed shut, or is closed */
  async enter(): Promise<boolean> {
    const deadline = performance.now() + permitLimitMs;
    while (!this.#isClosed && !this.isOpen) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await this.#nextChange(leftMs);
    }
    if (this.#isClosed) return false;
    this.#sideBySide += 1;
    return true;
  }

  leave(): void {
    this.#sideBySide -= 1;
    this.#changed();
  }

  /**
   * Runs a suspect that has entered while nothing else is in the engine. Meanwhile the gate is shut.
   * @param signal  Ends the wait: `run` is called at once, and must obey the signal itself.
   */
  async runAlone<Result>(signal: AbortSignal, run: () => Promise<Result>): Promise<Result> {
    const turn = Promise.withResolvers<void>();
    this.#suspects.push(turn.resolve);
    signal.addEventListener('abort', () => turn.resolve(), { once: true });
    if (signal.aborted) turn.resolve();
    this.leave();
    await turn.promise;
    try {
      return await run();
    } finally {
      const index = this.#suspects.indexOf(turn.resolve);
      if (index !== -1) this.#suspects.splice(index, 1);
      if (this.#alone === turn.resolve) this.#alone = null;
      // It counts with the others again until its outcome is written.
      this.#sideBySide += 1;
      this.#changed();
    }
  }

  /** Shuts the gate for good. Suspects that wait still get their turn. */
  close(): void {
    this.#isClosed = true;
    this.#changed();
  }

  /** Resolves when nothing is inside and no suspect waits. */
  async whenEmpty(): Promise<void> {
    if (!this.#isEmpty) await new Promise<void>((resolve) => this.#waitingForEmpty.add(resolve));
  }

  get #isEmpty(): boolean {
    return this.#sideBySide === 0 && this.#alone === null && this.#suspects.length === 0;
  }

  #changed(): void {
    if (this.#isEmpty) resolveAll(this.#waitingForEmpty);
    if (this.#alone === null && this.#sideBySide === 0) {
      this.#alone = this.#suspects.shift() ?? null;
      this.#alone?.();
    }
    if (this.isOpen || this.#isClosed) resolveAll(this.#waiting);
  }

  async #nextChange(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await settleWithin(limitMs, promise);
    this.#waiting.delete(resolve);
  }
}

function resolveAll(waiting: Set<() => void>): void {
  for (const resolve of waiting) resolve();
  waiting.clear();
}
