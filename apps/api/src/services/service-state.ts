/**
 * The state of the service: workers, model, queue, readiness. It is cached, so any number of probes asks the database
 * about once a second.
 */
import {
  AppError,
  answerWithin,
  coalesced,
  errorLine,
  hintsLateNote,
  type LiveWorker,
  type Logger,
  type ModelIdentity,
  type OpenDeliveries,
  type QueueMeasure,
  type QueuePause,
  type Store,
  toAppError,
  workerGoneMs,
  type WorkerReport,
} from '@prosemill/core';

/** Returns the reasons why hints or wake-ups are late, a sentence each. They are in the log already. */
export type TransportProblems = () => readonly string[];

export interface ServiceSnapshot {
  /** Public sentences. A driver's messages may name addresses, users or paths, and go only to the log. */
  readonly problems: readonly string[];
  readonly model: ModelIdentity | null;
  readonly workers: readonly LiveWorker[];
  /** When the database answered, by `performance.now()`. */
  readonly readAtMs: number;
  /** Null while the database does not answer. */
  readonly queue: QueueMeasure | null;
  /** Null while the database does not answer. */
  readonly isPaused: boolean | null;
  /** Null unless the queue is paused. */
  readonly pause: QueuePause | null;
  /** Messages to webhooks. Null while the database does not answer. */
  readonly deliveries: OpenDeliveries | null;
}

export interface ServiceStateOptions {
  readonly store: Store;
  readonly transportProblems: TransportProblems;
  readonly logger: Logger;
}

/** A caller that comes every second gets a new state each time. */
const maxAgeMs = 900;
/** The longest wait for the database: one that hangs must not hang the health check. */
const patienceMs = 1_000;
const transportProblem =
  'Hints and wake-ups are late: Redis, or LISTEN on Postgres where there is no Redis, is not available; the log says why. ' +
  'Behind pgbouncer, LISTEN needs its session mode.';

export class ServiceState {
  readonly #options: ServiceStateOptions;
  /** The states that were logged last; a line is written when one changes. */
  #isAway = false;
  #isReady = true;
  #latest = withoutDatabase(null, 'The database has not answered yet.');

  readonly #refresh = coalesced(maxAgeMs, async () => await this.#askDatabase());

  /**
   * Resolves if the database answers and its schema is up to date, as it was at most a second ago.
   * @throws {AppError} `database_unavailable`
   */
  readonly requireReady = coalesced(maxAgeMs, async () => await this.#checkReadiness());

  constructor(options: ServiceStateOptions) {
    this.#options = options;
  }

  /** The last answer of the database, without asking it. */
  get latest(): ServiceSnapshot {
    return this.#latest;
  }

  async current(): Promise<ServiceSnapshot> {
    if ((await answerWithin(patienceMs, this.#refresh())) === null) this.#setAway('it does not answer');
    const isTransportAway =
      this.#options.transportProblems().length > 0 || this.#latest.workers.some(({ note }) => note === hintsLateNote);
    const storeProblem = this.#options.store.problem();
    const others = [storeProblem, isTransportAway ? transportProblem : null].filter((problem) => problem !== null);
    return { ...this.#latest, problems: [...this.#latest.problems, ...others] };
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
    }
  }

  /** Never rejects: an outage of the database is a state. */
  async #askDatabase(): Promise<void> {
    const { jobs, workers: workerStore, webhooks } = this.#options.store;
    try {
      const [workers, queue, pause, deliveries] = await Promise.all([
        workerStore.listLive(workerGoneMs),
        jobs.measureQueue(),
        jobs.readPause(),
        webhooks.countOpen(),
      ]);
      const isPaused = pause !== null;
      const problems = [...workerProblems(workers), ...(isPaused ? ['The queue is paused: jobs wait.'] : [])];
      const model = servedModel(workers);
      this.#latest = { problems, model, workers, readAtMs: performance.now(), queue, isPaused, pause, deliveries };
      if (this.#isAway) this.#options.logger.info({}, 'the database is available again');
      this.#isAway = false;
    } catch (error) {
      this.#setAway(errorLine(error), error instanceof AppError ? error.message : undefined);
    }
  }

  /** @param publicReason  A sentence of the store, without secrets. */
  #setAway(reason: string, publicReason = 'It does not answer.'): void {
    if (!this.#isAway) this.#options.logger.warn({ reason }, 'the database is not available');
    this.#isAway = true;
    // The model stays known, for the prompt check.
    this.#latest = withoutDatabase(this.#latest.model, `The database is not available. ${publicReason}`);
  }
}

const withoutDatabase = (model: ModelIdentity | null, problem: string): ServiceSnapshot => ({
  problems: [problem],
  model,
  workers: [],
  readAtMs: performance.now(),
  queue: null,
  isPaused: null,
  pause: null,
  deliveries: null,
});

const servedModel = (workers: readonly WorkerReport[]): ModelIdentity | null =>
  (workers.find(({ state }) => state === 'ready') ?? workers.find(({ model }) => model !== null))?.model ?? null;

function workerProblems(workers: readonly WorkerReport[]): string[] {
  if (workers.length === 0) return ['No worker is running.'];
  if (workers.some(({ state }) => state === 'ready' || state === 'loading')) return [];
  return ['No worker can take jobs.'];
}
