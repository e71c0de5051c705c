/** Collects what only this process knows, and adds it to the tallies that all processes share. */
import {
  errorLine,
  every,
  type Logger,
  type Loop,
  type MeasureStore,
  type Service,
  type Tally,
  type TallyName,
} from '@prosemill/core';

export interface TalliesOptions {
  readonly measures: Pick<MeasureStore, 'addTallies'>;
  readonly logger: Logger;
}

const intervalMs = 1_000;

/** Writes at most once a second, and nothing when there is nothing to tell. */
export class Tallies implements Service {
  readonly #options: TalliesOptions;
  readonly #counts = new Map<string, Tally>();
  readonly #loop: Loop;

  constructor(options: TalliesOptions) {
    this.#options = options;
    this.#loop = every({
      intervalMs,
      step: async () => await this.#write(),
      onError: (error) => options.logger.debug({ reason: errorLine(error) }, 'tallies could not be written'),
    });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  add(name: TallyName, bucket = 0): void {
    this.#add({ name, bucket, count: 1 });
  }

  #add({ name, bucket, count }: Tally): void {
    const key = `${name} ${bucket}`;
    this.#counts.set(key, { name, bucket, count: count + (this.#counts.get(key)?.count ?? 0) });
  }

  async #write(): Promise<void> {
    const tallies = [...this.#counts.values()];
    if (tallies.length === 0) return;
    this.#counts.clear();
    try {
      await this.#options.measures.addTallies(tallies);
    } catch (error) {
      for (const tally of tallies) this.#add(tally);
      throw error;
    }
  }
}
