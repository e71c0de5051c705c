/** Compares the estimates of submits with the truth, some seconds after the end of their jobs, for a metric. */
import {
  type EndedJob,
  errorLine,
  every,
  type Job,
  type JobEstimate,
  type JobStore,
  type Logger,
  type Loop,
  type Service,
} from '@prosemill/core';

export interface EstimateErrorsOptions {
  readonly jobs: Pick<JobStore, 'listEnded'>;
  /** @param ratio  The error of the estimated time until the end, as a share of the true time. */
  readonly observe: (ratio: number) => void;
  readonly logger: Logger;
}

const intervalMs = 5_000;
/** Estimates of further submits are not compared. A restart forgets all of them. */
const maxFollowed = 1_000;

export class EstimateErrors implements Service {
  readonly #options: EstimateErrorsOptions;
  /** The estimated end of each job. */
  readonly #followed = new Map<string, Date>();
  readonly #loop: Loop;

  constructor(options: EstimateErrorsOptions) {
    this.#options = options;
    this.#loop = every({
      intervalMs,
      step: async () => await this.#compare(),
      onError: (error) => {
        options.logger.debug({ reason: errorLine(error) }, 'estimates could not be compared with the truth');
      },
    });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  /** Follows a job to its end, if the estimate of its submit has one. */
  follow({ id }: Pick<Job, 'id'>, { finishAt }: JobEstimate): void {
    if (finishAt !== null && this.#followed.size < maxFollowed) this.#followed.set(id, finishAt);
  }

  async #compare(): Promise<void> {
    for (const job of await this.#options.jobs.listEnded([...this.#followed.keys()])) {
      const estimated = this.#followed.get(job.id);
      this.#followed.delete(job.id);
      // A job that was canceled or failed ended by other causes than those of the estimate.
      if (estimated !== undefined && job.status === 'succeeded') this.#options.observe(errorOf(estimated, job));
    }
  }
}

const errorOf = (estimated: Date, { createdAt, finishedAt }: EndedJob): number =>
  Math.abs(estimated.getTime() - finishedAt.getTime()) / Math.max(1, finishedAt.getTime() - createdAt.getTime());
