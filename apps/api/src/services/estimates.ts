/** Estimates of the start and the end of jobs, for answers. They are not part of a job, its version or its ETag. */
import {
  assumedTokenBudget,
  boundedWaitMs,
  estimateQueued,
  estimateRunning,
  isTerminal,
  type Job,
  type JobEstimate,
  type JobStore,
  newId,
  noEstimate,
  type QueueLoad,
  type RunningLoad,
  type Throughput,
  throughputOf,
  type TimeEstimate,
  workerGoneMs,
} from '@prosemill/core';
import type { EstimateErrors } from './estimate-errors.ts';
import type { Look } from './look.ts';
import { QueuePlaces, roundedPlace } from './queue-places.ts';
import type { ServiceSnapshot, ServiceState } from './service-state.ts';
import type { Accepted } from './submit-job.ts';
import { unlessAway } from './unless-away.ts';

export interface EstimatesOptions {
  readonly jobs: Pick<JobStore, 'measureAhead' | 'listAhead' | 'listMarks' | 'nextTurn'>;
  readonly state: Pick<ServiceState, 'current' | 'latest'>;
  readonly errors: Pick<EstimateErrors, 'follow'>;
  readonly look: Look;
}

export interface PlannedJob extends Pick<Job, 'ownerId' | 'priorityClass'> {
  readonly tokens: number;
}

export interface ForeseenTimes extends TimeEstimate {
  /** By the database's clock. */
  readonly startAt: Date;
}

/** The longest wait of an answer for an estimate that it can do without. */
const patienceMs = 100;
/** The share of a full queue that should be gone before a refused client tries again. */
const shareToFree = 0.01;

/** The facts behind every estimate. */
interface Facts {
  readonly throughput: Throughput;
  readonly running: RunningLoad;
  /** The database's time. */
  readonly now: Date;
}

export class Estimates {
  readonly #options: EstimatesOptions;
  readonly #places: QueuePlaces;

  constructor(options: EstimatesOptions) {
    this.#options = options;
    this.#places = new QueuePlaces(options.jobs);
  }

  /** Never waits long: a slow or absent database must not hold up an answer that lacks nothing else. */
  async of(job: Job): Promise<JobEstimate> {
    if (isTerminal(job.status)) return noEstimate;
    return (await unlessAway(patienceMs, this.#estimate(job))) ?? noEstimate;
  }

  /** The estimate in the answer to a submit, which is compared with the truth when the job has ended. */
  async afterSubmit({ job, isReplay }: Accepted): Promise<JobEstimate> {
    const estimate = await this.of(job);
    if (!isReplay) this.#options.errors.follow(job, estimate);
    return estimate;
  }

  /** The estimates of a page of jobs by id. Somebody looks at it, so the workers of running ones report their texts. */
  async ofPage(page: readonly Job[]): Promise<ReadonlyMap<string, JobEstimate>> {
    const unfinished = page.filter(({ status }) => !isTerminal(status));
    if (unfinished.some(({ status }) => status === 'running')) this.#options.look();
    const estimates = await unlessAway(patienceMs, this.#estimateAll(unfinished));
    return estimates ?? new Map();
  }

  /** The estimate of a job that would be submitted now; null when it is not known. */
  async foresee({ ownerId, priorityClass, tokens }: PlannedJob): Promise<ForeseenTimes | null> {
    const snapshot = await this.#options.state.current();
    const facts = factsOf(snapshot);
    if (facts === null || snapshot.isPaused === true) return null;
    const turn = await this.#options.jobs.nextTurn(ownerId, priorityClass);
    const ahead = await this.#places.find({ priorityClass, turn, id: newId() });
    const estimate = estimateQueued({ tokens, ahead }, facts.running, facts.throughput);
    return { ...estimate, startAt: new Date(facts.now.getTime() + estimate.startInMs) };
  }

  /** The time until a full queue has some room again, without waiting for the database; null when it is not known. */
  untilRoomMs(): number | null {
    void this.#options.state.current();
    const { latest } = this.#options.state;
    const facts = factsOf(latest);
    const isOld = performance.now() - latest.readAtMs > workerGoneMs;
    if (facts === null || isOld || latest.queue === null || latest.isPaused === true) return null;
    const { queued, queuedTokens } = latest.queue;
    const jobs = Math.ceil(queued * shareToFree);
    return queued === 0 ? null : boundedWaitMs((jobs * queuedTokens) / queued / facts.throughput.tokensPerMs);
  }

  async #estimate(job: Job): Promise<JobEstimate> {
    const [snapshot, ahead] = await Promise.all([
      this.#options.state.current(),
      job.status === 'queued' ? this.#places.find(job) : null,
    ]);
    return estimateOf(job, ahead, snapshot);
  }

  async #estimateAll(jobs: readonly Job[]): Promise<ReadonlyMap<string, JobEstimate>> {
    if (jobs.length === 0) return new Map();
    const [snapshot, places] = await Promise.all([
      this.#options.state.current(),
      this.#places.findAll(jobs.filter(({ status }) => status === 'queued')),
    ]);
    return new Map(jobs.map((job) => [job.id, estimateOf(job, places.get(job.id) ?? null, snapshot)]));
  }
}

/** @param ahead  Null unless the job is queued, and when its place is not known. */
function estimateOf(job: Job, ahead: QueueLoad | null, snapshot: ServiceSnapshot): JobEstimate {
  const place = {
    ...noEstimate,
    ahead: ahead === null ? null : roundedPlace(ahead.jobs),
    tokensWritten: job.status === 'running' ? tokensOf(job, snapshot) : null,
  };
  const facts = factsOf(snapshot);
  if (facts === null) return place;
  const { now, running, throughput } = facts;
  const tokens = job.tokenBudget ?? assumedTokenBudget;
  const after = (ms: number): Date => new Date(now.getTime() + ms);
  if (job.status === 'running') {
    const ranMs = now.getTime() - (job.startedAt ?? now).getTime();
    const finishInMs = estimateRunning({ tokens, ranMs }, running, throughput);
    return { ...place, finishAt: after(finishInMs), finishInMs };
  }
  if (ahead === null || snapshot.isPaused === true) return place;
  const { startInMs, finishInMs } = estimateQueued({ tokens, ahead }, running, throughput);
  return { ...place, startAt: after(startInMs), finishAt: after(finishInMs), finishInMs };
}

/** @returns null unless a worker has reported the text */
function tokensOf({ id }: Job, { workers }: ServiceSnapshot): number | null {
  for (const { activity } of workers) {
    const slot = activity?.slots.find((each) => each?.jobId === id);
    if (slot != null) return slot.tokens;
  }
  return null;
}

/** @returns null without a worker that takes jobs and knows its speed, and while the database does not answer */
function factsOf({ workers, queue, readAtMs }: ServiceSnapshot): Facts | null {
  const throughput = throughputOf(workers);
  const listedAt = workers[0]?.listedAt;
  if (throughput === null || listedAt === undefined || queue === null) return null;
  const running = { jobs: queue.running, tokens: queue.runningTokens, ms: queue.runningMs };
  return { throughput, running, now: new Date(listedAt.getTime() + performance.now() - readAtMs) };
}
