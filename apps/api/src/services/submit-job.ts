/** Accepts the jobs of a request, or finds those of an earlier request with the same idempotency key. */
import type { IdempotencyKey, Job, JobRequest, JobStore } from '@prosemill/core';
import { type AdmitJobs, type AdmitJobsOptions, planOf, type Sender } from './admit-jobs.ts';
import type { Estimates } from './estimates.ts';
import { hashRequests } from './hash-request.ts';
import { requireInTime } from './require-in-time.ts';

export interface SubmitJobOptions extends Pick<AdmitJobsOptions, 'checkPrompt' | 'queueBound'> {
  readonly jobs: JobStore;
  readonly admitJobs: AdmitJobs;
  readonly estimates: Pick<Estimates, 'foresee'>;
}

interface CommonSubmission extends Sender {
  /** Undefined for a request without the header. */
  readonly idempotencyKey: string | undefined;
}

export interface Submission extends CommonSubmission, JobRequest {}

/** Jobs that are accepted together or not at all. */
export interface JointSubmission extends CommonSubmission {
  readonly requests: readonly JobRequest[];
}

export interface Accepted {
  readonly job: Job;
  /** True for the job of an earlier request with the same key. */
  readonly isReplay: boolean;
}

export interface DryRun {
  /** Null while no model is known. */
  readonly promptTokens: number | null;
  /** Null when it is not known. */
  readonly estimatedStartAt: Date | null;
}

export interface SubmitJobs {
  /**
   * @throws {AppError} as {@link AdmitJobs}; `idempotency_key_reused`, `database_unavailable`
   */
  readonly submitJob: (submission: Submission) => Promise<Accepted>;
  /** In the order of the requests. @throws {AppError} as `submitJob` */
  readonly submitAll: (submission: JointSubmission) => Promise<readonly Accepted[]>;
  /** Refuses like `submitJob`, and stores nothing. @throws {AppError} as `submitJob` */
  readonly dryRun: (submission: Submission) => Promise<DryRun>;
}

export function createSubmitJob({ jobs, admitJobs, checkPrompt, estimates, queueBound }: SubmitJobOptions): SubmitJobs {
  async function submitAll(submission: JointSubmission): Promise<readonly Accepted[]> {
    const { ownerId, requests } = submission;
    const keys = idempotencyKeysOf(submission);
    const earlier = await Promise.all(keys.map(async (key) => await jobs.findByIdempotencyKey(ownerId, key)));
    const replayed = earlier.filter((job) => job !== null);
    if (replayed.length === requests.length) return replayed.map((job) => ({ job, isReplay: true }));
    return await admitJobs(submission, async (newJobs) => {
      const stored = await jobs.submitAll(
        newJobs.map((job, index) => {
          const idempotency = keys[index];
          return idempotency === undefined ? job : { ...job, idempotency };
        }),
      );
      // Another request with the same key may have been first; its process sends the hint.
      const result = stored.map((job, index) => ({ job, isReplay: job.id !== newJobs[index]?.id }));
      return { result, fresh: result.filter(({ isReplay }) => !isReplay).map(({ job }) => job) };
    });
  }

  async function dryRun({ request, terms, ...common }: Submission): Promise<DryRun> {
    const { ownerId } = common;
    const [key] = idempotencyKeysOf({ ...common, requests: [{ request, terms }] });
    const earlier = key === undefined ? null : await jobs.findByIdempotencyKey(ownerId, key);
    if (earlier === null) await queueBound.requireRoom(ownerId, { isDryRun: true });
    const { promptTokens, tokenBudget } = await checkPrompt(request, terms.requiredFingerprint);
    // A submit would be answered with the earlier job, even by a full queue.
    if (earlier !== null) return { promptTokens, estimatedStartAt: null };
    const plan = planOf(common, terms, tokenBudget);
    const foreseen = await estimates.foresee(plan);
    requireInTime(terms, foreseen);
    await queueBound.requireRoom(ownerId, { cost: { jobs: 1, tokens: plan.tokens }, isDryRun: true });
    return { promptTokens, estimatedStartAt: foreseen?.startAt ?? null };
  }

  return {
    submitAll,
    dryRun,
    async submitJob({ request, terms, ...common }) {
      const [accepted] = await submitAll({ ...common, requests: [{ request, terms }] });
      return accepted as Accepted;
    },
  };
}

/**
 * The keys of the jobs; none without the header. The first has the client's own key. The others add their index after a
 * space, which no client's key can have.
 */
function idempotencyKeysOf({ idempotencyKey, requests }: JointSubmission): readonly IdempotencyKey[] {
  if (idempotencyKey === undefined) return [];
  const requestHash = hashRequests(requests);
  return requests.map((_, index) => ({
    key: index === 0 ? idempotencyKey : `${idempotencyKey} ${index}`,
    requestHash,
  }));
}
