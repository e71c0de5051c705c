/**
 * The reference of the property tests: the behaviour of jobs as one plain object in memory. It is written from the
 * design and not from core's transitions, so that the two can disagree. Time is in hours, and only tests move it.
 */
import type {
  ClaimKey,
  FinishReason,
  GeneratedPart,
  JobEventType,
  JobStatus,
  NewJob,
  Outcome,
  OutcomeReceipt,
  PriorityClass,
} from '@prosemill/core';

export interface ReferenceJob {
  /** The order of the submits, from 0. */
  readonly number: number;
  readonly id: string;
  readonly ownerId: string;
  readonly priorityClass: PriorityClass;
  readonly turn: number;
  readonly maxAttempts: number;
  readonly deadline: number | null;
  /** The database's time, which the order of lists depends on. */
  createdAt: Date;
  status: JobStatus;
  attempt: number;
  releasedCount: number;
  crashCount: number;
  dispatchEpoch: number;
  availableAt: number;
  leaseUntil: number | null;
  isCancelRequested: boolean;
  finishReason: FinishReason | null;
  errorCode: string | null;
  completion: string | null;
  isWatched: boolean;
  /** The offsets of the pieces of its text. */
  readonly texts: Set<number>;
  /** One event for each version. */
  readonly events: JobEventType[];
  /** Attempts that their own worker ended. */
  readonly endedAttempts: Set<number>;
}

/** A job as it is submitted, with its deadline in hours. */
export interface Submission extends Pick<NewJob, 'id' | 'ownerId' | 'priorityClass' | 'maxAttempts'> {
  readonly deadlineHours: number | null;
}

export class ReferenceJobs {
  readonly jobs: ReferenceJob[] = [];
  /** A line for each command, for the report of a failure. */
  readonly history: string[] = [];
  now: number;

  /** @param now  Hours. */
  constructor(now: number) {
    this.now = now;
  }

  /** Start-time fair queueing in each class. Submits that commit together get their turns from the same state. */
  submit(submissions: readonly Submission[]): readonly ReferenceJob[] {
    const floors = new Map<PriorityClass, number>();
    return submissions.map((submission) => {
      const { ownerId, priorityClass } = submission;
      const floor = floors.get(priorityClass) ?? this.#turnFloor(priorityClass);
      const last = maxOf(this.#inClass(priorityClass).filter((job) => job.ownerId === ownerId));
      const job = this.#create(submission, Math.max(last + 1, floor ?? 1));
      floors.set(priorityClass, floor ?? job.turn);
      return job;
    });
  }

  claimable(): readonly ReferenceJob[] {
    return this.jobs.filter(
      ({ status, availableAt, deadline, attempt, releasedCount, maxAttempts }) =>
        status === 'queued' &&
        availableAt <= this.now &&
        (deadline === null || deadline > this.now) &&
        attempt - releasedCount < maxAttempts,
    );
  }

  claim(fromClass: PriorityClass, leaseHours: number): ReferenceJob | null {
    const inOrder = this.claimable().toSorted(byClaimOrder);
    // When this class and later ones are empty, earlier classes follow, the nearest first.
    const least = Math.min(fromClass, Math.max(...inOrder.map(({ priorityClass }) => priorityClass)));
    const job = inOrder.find(({ priorityClass }) => priorityClass >= least);
    if (job === undefined) return null;
    job.status = 'running';
    job.attempt += 1;
    job.leaseUntil = this.now + leaseHours;
    job.events.push('job-claimed');
    return job;
  }

  /** @returns whether the attempt holds the job */
  renew(key: ClaimKey, leaseHours: number): boolean {
    const job = this.#holder(key);
    if (job === undefined) return false;
    job.leaseUntil = this.now + leaseHours;
    return true;
  }

  complete(key: ClaimKey, outcome: Outcome): OutcomeReceipt {
    const job = this.#holder(key);
    if (job === undefined) return this.find(key.id)?.endedAttempts.has(key.attempt) === true ? 'already' : 'stale';
    job.endedAttempts.add(key.attempt);
    switch (outcome.type) {
      case 'succeeded':
        end(job, { status: 'succeeded', part: outcome.result, finishReason: outcome.result.finishReason });
        break;
      case 'failed':
        end(job, { status: 'failed', part: outcome.partial, errorCode: outcome.error.code });
        break;
      case 'canceled':
        if (job.isCancelRequested) end(job, { status: 'canceled', part: outcome.partial });
        else this.#release(job);
        break;
      case 'retried':
        if (job.isCancelRequested) end(job, { status: 'canceled' });
        else if (hasNoAttemptLeft(job)) end(job, { status: 'failed', errorCode: outcome.error.code });
        else this.#requeue(job, 'job-retried', outcome.delayMs / hourMs);
        break;
      case 'crashed':
        this.#crash(job, 'job-crashed');
        break;
      case 'released':
        this.#release(job);
        break;
    }
    return 'applied';
  }

  rescue(job: ReferenceJob): void {
    this.#crash(job, 'job-rescued');
  }

  expire(job: ReferenceJob): void {
    end(job, { status: 'expired', errorCode: 'deadline_exceeded' });
  }

  requestCancel(job: ReferenceJob): void {
    if (job.status === 'queued') {
      end(job, { status: 'canceled' });
    } else if (job.status === 'running' && !job.isCancelRequested) {
      job.isCancelRequested = true;
      job.events.push('job-cancel-requested');
    }
  }

  /** @returns whether the job was not watched before */
  watch(job: ReferenceJob): boolean {
    if (job.isWatched || (job.status !== 'queued' && job.status !== 'running')) return false;
    job.isWatched = true;
    return true;
  }

  append(key: ClaimKey, offset: number): void {
    const job = this.#holder(key);
    if (job?.isWatched === true) job.texts.add(offset);
  }

  /** Running jobs whose lease has run out. */
  lost(): readonly ReferenceJob[] {
    return this.jobs.filter(({ leaseUntil }) => leaseUntil !== null && leaseUntil < this.now);
  }

  /** Queued jobs past their deadline. */
  late(): readonly ReferenceJob[] {
    return this.jobs.filter(({ status, deadline }) => status === 'queued' && deadline !== null && deadline <= this.now);
  }

  find(id: string): ReferenceJob | undefined {
    return this.jobs.find((job) => job.id === id);
  }

  #inClass(priorityClass: PriorityClass): readonly ReferenceJob[] {
    return this.jobs.filter((job) => job.priorityClass === priorityClass);
  }

  /** The smallest turn that waits for its first claim, else the largest turn so far; null in an empty class. */
  #turnFloor(priorityClass: PriorityClass): number | null {
    const all = this.#inClass(priorityClass);
    if (all.length === 0) return null;
    const waiting = all.filter(({ status, attempt }) => status === 'queued' && attempt === 0);
    return waiting.length === 0 ? maxOf(all) : Math.min(...waiting.map(({ turn }) => turn));
  }

  #create({ id, ownerId, priorityClass, maxAttempts, deadlineHours }: Submission, turn: number): ReferenceJob {
    const job: ReferenceJob = {
      number: this.jobs.length,
      id,
      ownerId,
      priorityClass,
      turn,
      maxAttempts,
      deadline: deadlineHours === null ? null : this.now + deadlineHours,
      createdAt: new Date(0),
      status: 'queued',
      attempt: 0,
      releasedCount: 0,
      crashCount: 0,
      dispatchEpoch: 0,
      availableAt: this.now,
      leaseUntil: null,
      isCancelRequested: false,
      finishReason: null,
      errorCode: null,
      completion: null,
      isWatched: false,
      texts: new Set(),
      events: ['job-queued'],
      endedAttempts: new Set(),
    };
    this.jobs.push(job);
    return job;
  }

  #holder({ id, attempt }: ClaimKey): ReferenceJob | undefined {
    return this.jobs.find((job) => job.id === id && job.attempt === attempt && job.status === 'running');
  }

  #release(job: ReferenceJob): void {
    job.releasedCount += 1;
    if (job.isCancelRequested) end(job, { status: 'canceled' });
    else this.#requeue(job, 'job-released');
  }

  #crash(job: ReferenceJob, event: JobEventType): void {
    job.crashCount += 1;
    if (job.isCancelRequested) end(job, { status: 'canceled' });
    else if (job.crashCount >= 3 || hasNoAttemptLeft(job)) end(job, { status: 'failed', errorCode: 'worker_lost' });
    else this.#requeue(job, event);
  }

  #requeue(job: ReferenceJob, event: JobEventType, delayHours = 0): void {
    job.status = 'queued';
    job.leaseUntil = null;
    job.texts.clear();
    job.availableAt = this.now + delayHours;
    job.dispatchEpoch += 1;
    job.events.push(event);
  }
}

export const hourMs = 3_600_000;

interface Ending {
  readonly status: 'succeeded' | 'failed' | 'canceled' | 'expired';
  readonly part?: GeneratedPart | null;
  readonly finishReason?: FinishReason;
  readonly errorCode?: string;
}

function end(job: ReferenceJob, { status, part = null, finishReason, errorCode }: Ending): void {
  const isTimeout = status === 'failed' && errorCode === 'deadline_exceeded';
  job.status = status;
  job.leaseUntil = null;
  job.texts.clear();
  job.completion = part?.completion ?? null;
  job.errorCode = errorCode ?? null;
  job.finishReason = finishReason ?? (status === 'canceled' ? 'canceled' : isTimeout ? 'timeout' : null);
  job.events.push(`job-${status}`);
}

const hasNoAttemptLeft = ({ attempt, releasedCount, maxAttempts }: ReferenceJob): boolean =>
  attempt - releasedCount >= maxAttempts;

const maxOf = (jobs: readonly ReferenceJob[]): number => Math.max(0, ...jobs.map(({ turn }) => turn));

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

/** Class, then turn, then id. */
export const byClaimOrder = (a: ReferenceJob, b: ReferenceJob): number =>
  a.priorityClass - b.priorityClass || a.turn - b.turn || byId(a, b);

export const byAge = (a: ReferenceJob, b: ReferenceJob): number =>
  a.createdAt.getTime() - b.createdAt.getTime() || byId(a, b);
