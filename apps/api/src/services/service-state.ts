/** What the service knows of itself: workers, model, queue. At most a second old, and never slow to ask. */
import {
  answerWithin,
  errorLine,
  type ModelIdentity,
  type QueueMeasure,
  type Store,
  type WorkerReport,
} from '@prosemill/core';

/** How the hints and wake-ups are; a reason for each thing that is wrong. */
export type TransportProblems = () => readonly string[];

export interface ServiceSnapshot {
  readonly problems: readonly string[];
  readonly model: ModelIdentity | null;
  readonly workers: readonly WorkerReport[];
  /** Null while the database does not answer. */
  readonly queue: QueueMeasure | null;
  /** Null too. */
  readonly isPaused: boolean | null;
}

export interface ServiceStateOptions {
  readonly store: Store;
  readonly transportProblems: TransportProblems;
}

/** A worker reports every 5 s; one that is silent for longer than this is gone. */
const workerMaxAgeMs = 15_000;
const maxAgeMs = 1_000;
/** A database that hangs must not hang the health check. */
const patienceMs = 1_000;

export class ServiceState {
  readonly #options: ServiceStateOptions;
  #refreshing: Promise<void> | null = null;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #latest: ServiceSnapshot = {
    problems: ['The database has not answered yet.'],
    model: null,
    workers: [],
    queue: null,
    isPaused: null,
  };

  constructor(options: ServiceStateOptions) {
    this.#options = options;
  }

  /** As the database last said, without asking it. */
  get latest(): ServiceSnapshot {
    return this.#latest;
  }

  async current(): Promise<ServiceSnapshot> {
    // Who waits for a model to be ready wants to know at once.
    const isFresh = this.#latest.model !== null && performance.now() - this.#refreshedAt < maxAgeMs;
    if (!isFresh) {
      this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
      const answer = await answerWithin(patienceMs, this.#refreshing);
      if (answer === null) this.#latest = withoutDatabase(this.#latest, 'it does not answer');
    }
    return { ...this.#latest, problems: [...this.#latest.problems, ...this.#options.transportProblems()] };
  }

  async #refresh(): Promise<void> {
    const { jobs, workers: workerStore } = this.#options.store;
    try {
      const [workers, queue, isPaused] = await Promise.all([
        workerStore.listLive(workerMaxAgeMs),
        jobs.measureQueue(),
        jobs.isPaused(),
      ]);
      const problems = [...workerProblems(workers), ...(isPaused ? ['The queue is paused: jobs wait.'] : [])];
      this.#latest = { problems, model: servedModel(workers), workers, queue, isPaused };
    } catch (error) {
      this.#latest = withoutDatabase(this.#latest, errorLine(error));
    }
    this.#refreshedAt = performance.now();
  }
}

/** The model stays: the prompt check goes on with it. */
const withoutDatabase = ({ model }: ServiceSnapshot, reason: string): ServiceSnapshot => ({
  problems: [`The database is not available: ${reason}.`],
  model,
  workers: [],
  queue: null,
  isPaused: null,
});

const servedModel = (workers: readonly WorkerReport[]): ModelIdentity | null =>
  (workers.find(({ state }) => state === 'ready') ?? workers.find(({ model }) => model !== null))?.model ?? null;

function workerProblems(workers: readonly WorkerReport[]): string[] {
  if (workers.length === 0) return ['No worker is running.'];
  if (workers.some(({ state }) => state === 'ready' || state === 'loading')) return [];
  return ['No worker can take jobs.'];
}
