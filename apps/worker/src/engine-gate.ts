/**
 * Who may be in the engine: many jobs beside each other, or one suspect alone. A suspect is a job whose earlier attempt ended with a crash; if it is
 * what kills engines, it takes no neighbour with it.
 */
import type { TextGenerator } from '@prosemill/core';

/** A permit that cannot be used for so long is given up: the row it stands for may be somebody else's work meanwhile. */
const permitLimitMs = 5_000;

export class EngineGate {
  readonly #generator: TextGenerator;
  /** Permits that wait to claim. */
  readonly #waiting = new Set<() => void>();
  readonly #leavers = new Set<() => void>();
  /** Suspects that wait for the engine, first come first. */
  readonly #suspects: (() => void)[] = [];
  /** The one that has the engine for itself. */
  #alone: (() => void) | null = null;
  /** Claims under way, and jobs that run beside others. */
  #beside = 0;
  #isClosed = false;

  constructor(generator: TextGenerator) {
    this.#generator = generator;
    generator.onStateChange(() => this.#changed());
  }

  /** Whether something new may be claimed: the engine is ready, and no suspect has it or waits for it. */
  get isOpen(): boolean {
    return this.#generator.state.type === 'ready' && this.#alone === null && this.#suspects.length === 0;
  }

  /** Waits until the gate is open; with true comes the duty to `leave`. False: it stayed shut, or is closed for good. */
  async enter(): Promise<boolean> {
    const deadline = performance.now() + permitLimitMs;
    while (!this.#isClosed && !this.isOpen) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await this.#nextChange(leftMs);
    }
    if (this.#isClosed) return false;
    this.#beside += 1;
    return true;
  }

  leave(): void {
    this.#beside -= 1;
    this.#changed();
  }

  /**
   * Runs something while nothing else is in the engine, for one that has entered. Meanwhile nobody enters.
   * @param signal  Ends the waiting: `run` is called at once, and has to heed it.
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
      // Back among the others, to write its outcome.
      this.#beside += 1;
      this.#changed();
    }
  }

  /** Nobody enters any more; suspects that wait still get their turn. */
  close(): void {
    this.#isClosed = true;
    this.#changed();
  }

  /** Resolves when nobody is inside or waits to be alone. */
  async whenEmpty(): Promise<void> {
    if (!this.#isEmpty) await new Promise<void>((resolve) => this.#leavers.add(resolve));
  }

  get #isEmpty(): boolean {
    return this.#beside === 0 && this.#alone === null && this.#suspects.length === 0;
  }

  #changed(): void {
    if (this.#isEmpty) resolveAll(this.#leavers);
    if (this.#alone === null && this.#beside === 0) {
      this.#alone = this.#suspects.shift() ?? null;
      this.#alone?.();
    }
    if (!this.isOpen && !this.#isClosed) return;
    resolveAll(this.#waiting);
  }

  async #nextChange(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    this.#waiting.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }
}

function resolveAll(waiting: Set<() => void>): void {
  for (const resolve of waiting) resolve();
  waiting.clear();
}
