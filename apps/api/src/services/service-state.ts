/** What the service knows of itself: workers, model, queue, and whether it is ready. At most a second old, and however often it is asked, the database is once a second. */
import {
  AppError,
  answerWithin,
  errorLine,
  hintsLateNote,
  type Logger,
  type ModelIdentity,
  type QueueMeasure,
  type Store,
  toAppError,
  type WorkerReport,
} from '@prosemill/core';

/** How the hints and wake-ups are; a reason for each thing that is wrong, which is in the log already. */
export type TransportProblems = () => readonly string[];

export interface ServiceSnapshot {
  /** For everybody: a reason in the words of a driver has addresses, user names or paths in it, and is for the log. */
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
  readonly logger: Logger;
}

/** A worker reports every 5 s; one that is silent for longer than this is gone. */
const workerMaxAgeMs = 15_000;
const maxAgeMs = 1_000;
/** A database that hangs must not hang the health check. */
const patienceMs = 1_000;
const transportProblem =
  'Hints and wake-ups are late: Redis, or LISTEN on Postgres where there is no Redis, is not available; the log says why. ' +
  'Behind pgbouncer, LISTEN needs its session mode.';

export class ServiceState {
  readonly #options: ServiceStateOptions;
  /** Told in the log already. */
  #isAway = false;
  /** As the log knows it. */
  #isReady = true;
  /** The answer to all who ask within a second. */
  #readiness: Promise<void> | null = null;
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
    if (performance.now() - this.#refreshedAt >= maxAgeMs) {
      this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
      const answer = await answerWithin(patienceMs, this.#refreshing);
      if (answer === null) this.#setAway('it does not answer');
    }
    const isTransportAway =
      this.#options.transportProblems().length > 0 || this.#latest.workers.some(({ note }) => note === hintsLateNote);
    const storeProblem = this.#options.store.problem();
    const others = [storeProblem, isTransportAway ? transportProblem : null].filter((problem) => problem !== null);
    return { ...this.#latest, problems: [...this.#latest.problems, ...others] };
  }

  /**
   * Whether the database answers and its schema is up to date, as it was at most a second ago: everybody may ask, as often as they like.
   * @throws {AppError} `database_unavailable`
   */
  async requireReady(): Promise<void> {
    this.#readiness ??= this.#checkReadiness();
    await this.#readiness;
  }

  async #checkReadiness(): Promise<void> {
    try {
      await this.#options.store.requireReady();
      if (!this.#isReady) this.#options.logger.info({}, 'ready again');
      this.#isReady = true;
    } catch (error) {
      if (this.#isReady) this.#options.logger.warn({ reason: errorLine(error) }, 'not ready');
      this.#isReady = false;
      throw toAppError(error, 'database_unavailable');
    } finally {
      setTimeout(() => (this.#readiness = null), maxAgeMs).unref();
    }
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
      if (this.#isAway) this.#options.logger.info({}, 'the database is available again');
      this.#isAway = false;
    } catch (error) {
      this.#setAway(errorLine(error), error instanceof AppError ? error.message : undefined);
    }
    this.#refreshedAt = performance.now();
  }

  /** @param publicReason  For everybody, as the store words it. */
  #setAway(reason: string, publicReason = 'It does not answer.'): void {
    if (!this.#isAway) this.#options.logger.warn({ reason }, 'the database is not available');
    this.#isAway = true;
    this.#latest = withoutDatabase(this.#latest, publicReason);
  }
}

/** The model stays: the prompt check goes on with it. */
const withoutDatabase = ({ model }: ServiceSnapshot, publicReason: string): ServiceSnapshot => ({
  problems: [`The database is not available. ${publicReason}`],
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
