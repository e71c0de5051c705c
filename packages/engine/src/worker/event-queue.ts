/** Turns pushed values into an async iterable for one reader. */
export class EventQueue<Value> implements AsyncIterable<Value> {
  readonly #values: Value[] = [];
  #isEnded = false;
  #wake: (() => void) | null = null;

  push(value: Value): void {
    this.#values.push(value);
    this.#wake?.();
  }

  /** Ends the iteration after the values that were already pushed. */
  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, undefined> {
    for (;;) {
      while (this.#values.length > 0) yield this.#values.shift() as Value;
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }
}
