/** The steps of a history. Each does one thing to a store and to the reference, and compares their answers. */
import type { ClaimKey, ClaimOptions, GenerationRecord, Job, Outcome } from '@prosemill/core';
import { expect } from 'vitest';
import { findBreaches, type JobSnapshot, readSnapshots } from './job-rows.ts';
import {
  byAge,
  byClaimOrder,
  hourMs,
  type ReferenceJob,
  type ReferenceJobs,
  type Submission,
} from './reference-jobs.ts';
import { model, newJob, type StoreSession } from './session.ts';

/** The store under test. */
export interface JobSystem {
  readonly session: Pick<StoreSession, 'store' | 'travel' | 'execute'>;
  /** The rows after the last step. */
  snapshots: readonly JobSnapshot[];
}

/** @returns a description of the step */
export type Step<Options> = (reference: ReferenceJobs, system: JobSystem, options: Options) => Promise<string>;

const stranger = 'stranger';

export async function submitTogether(
  reference: ReferenceJobs,
  { session }: JobSystem,
  submissions: readonly Submission[],
): Promise<string> {
  const submits = submissions.map(async ({ deadlineHours, ...submission }) => {
    const deadlineMs = deadlineHours === null ? null : deadlineHours * hourMs;
    return await session.store.jobs.submit(newJob({ ...submission, deadlineMs }));
  });
  const jobs = await Promise.all(submits);
  const expected = reference.submit(submissions);
  for (const [index, job] of jobs.entries()) {
    const twin = expected[index] as ReferenceJob;
    twin.createdAt = job.createdAt;
    expectJob(job, twin);
  }
  return expected.map((job) => `${label(job)} turn ${job.turn}`).join(', ');
}

export interface ClaimStep extends Pick<ClaimOptions, 'workerId' | 'fromClass'> {
  readonly leaseHours: number;
}

export async function claim(
  reference: ReferenceJobs,
  { session }: JobSystem,
  { leaseHours, ...options }: ClaimStep,
): Promise<string> {
  const claimed = await session.store.jobs.claim({ ...options, model, leaseMs: leaseHours * hourMs });
  const expected = reference.claim(options.fromClass, leaseHours);
  if (expected === null) {
    expect(claimed).toBeNull();
    return 'nothing';
  }
  expectJob(claimed?.job, expected);
  if (expected.deadline === null) expect(claimed?.remainingMs).toBeNull();
  else expect(claimed?.remainingMs).toBeGreaterThan((expected.deadline - reference.now - 0.5) * hourMs);
  return `${label(expected)} attempt ${expected.attempt}`;
}

/** An attempt at a job, which is drawn from the running jobs or from all. */
export interface Target {
  readonly isRunning: boolean;
  /** Modulo the number of jobs. */
  readonly index: number;
  /** 0 is the latest attempt, −1 a future one. */
  readonly attemptsBack: number;
}

export interface RenewStep {
  readonly target: Target;
  readonly leaseHours: number;
}

export async function renew(
  reference: ReferenceJobs,
  { session }: JobSystem,
  { target, leaseHours }: RenewStep,
): Promise<string> {
  const { job, key, name } = resolveTarget(reference, target);
  const answer = await session.store.jobs.renew(key, leaseHours * hourMs);
  const holds = reference.renew(key, leaseHours);
  expect(answer).toEqual(holds ? { cancelRequested: job.isCancelRequested, isWatched: job.isWatched } : null);
  return `${name} ${holds ? 'holds' : 'is stale'}`;
}

export interface CompleteStep {
  readonly target: Target;
  readonly outcome: Outcome;
  /** 2 when the first answer was lost. */
  readonly times: 1 | 2;
}

export async function complete(
  reference: ReferenceJobs,
  { session }: JobSystem,
  { target, outcome, times }: CompleteStep,
): Promise<string> {
  const { key, name } = resolveTarget(reference, target);
  const answers = [];
  for (let time = 0; time < times; time += 1) {
    const answer = await session.store.jobs.complete(key, outcome);
    expect(answer).toBe(reference.complete(key, outcome));
    answers.push(answer);
  }
  return `${name} ${answers.join(', then ')}`;
}

export interface CancelStep {
  readonly target: Target;
  readonly isStranger: boolean;
}

export async function cancel(
  reference: ReferenceJobs,
  { session }: JobSystem,
  { target, isStranger }: CancelStep,
): Promise<string> {
  const { job } = resolveTarget(reference, target);
  const answer = await session.store.jobs.requestCancel(isStranger ? stranger : job.ownerId, job.id);
  if (!isStranger) reference.requestCancel(job);
  if (isStranger) expect(answer).toBeNull();
  else expectJob(answer, job);
  return `${label(job)} is ${job.status}`;
}

export async function watch(reference: ReferenceJobs, { session }: JobSystem, target: Target): Promise<string> {
  const { job } = resolveTarget(reference, target);
  const isFirst = reference.watch(job);
  expect(await session.store.texts.watch([job.id])).toEqual(isFirst ? [job.id] : []);
  return `${label(job)} ${isFirst ? 'is watched from now on' : 'is not marked'}`;
}

export interface AppendStep {
  readonly target: Target;
  readonly offset: number;
}

export async function append(
  reference: ReferenceJobs,
  { session }: JobSystem,
  { target, offset }: AppendStep,
): Promise<string> {
  const { job, key, name } = resolveTarget(reference, target);
  await session.store.texts.append([{ ...key, offset, text: 'a', tokens: 1 }]);
  reference.append(key, offset);
  return `${name} has ${job.texts.size} pieces`;
}

export interface AttemptStep extends ClaimStep {
  /** Whether it is canceled while it runs. */
  readonly isCanceled: boolean;
  readonly outcome: Outcome;
}

/** A claim and its outcome in one step: several attempts at one job would be rare otherwise. */
export async function attempt(
  reference: ReferenceJobs,
  system: JobSystem,
  { isCanceled, outcome, ...claimStep }: AttemptStep,
): Promise<string> {
  const before = runningOf(reference);
  const claimed = await claim(reference, system, claimStep);
  const index = runningOf(reference).findIndex((job) => !before.includes(job));
  if (index === -1) return claimed;
  const target = { isRunning: true, index, attemptsBack: 0 };
  if (isCanceled) await cancel(reference, system, { target, isStranger: false });
  return `${claimed}; ${await complete(reference, system, { target, outcome, times: 1 })}`;
}

export interface ReconcileStep {
  readonly action: 'rescue' | 'expire';
  readonly limit: number;
}

/** The database chooses the rows when there are more than the limit. */
export async function reconcile(
  reference: ReferenceJobs,
  { session }: JobSystem,
  { action, limit }: ReconcileStep,
): Promise<string> {
  const { jobs } = session.store;
  const ids = action === 'rescue' ? await jobs.rescueLostJobs(limit) : await jobs.expireJobs(limit);
  const candidates = action === 'rescue' ? reference.lost() : reference.late();
  expect(candidates.map(({ id }) => id)).toEqual(expect.arrayContaining([...ids]));
  expect(ids).toHaveLength(Math.min(limit, candidates.length));
  const changed = candidates.filter(({ id }) => ids.includes(id));
  for (const job of changed) reference[action](job);
  return changed.map(label).join(', ') || 'none';
}

export async function travel(reference: ReferenceJobs, { session }: JobSystem, hours: number): Promise<string> {
  reference.now += hours;
  await session.travel(reference.now * hourMs);
  return `it is ${reference.now} h`;
}

export interface ReadStep {
  readonly ownerId: string;
  readonly index: number;
  readonly limit: number;
}

export async function read(reference: ReferenceJobs, system: JobSystem, query: ReadStep): Promise<string> {
  await expectJobReads(reference, system, query);
  await expectRecordReads(reference, system, query);
  await expectQueueReads(reference, system, query);
  return 'done';
}

/** Expects every row to match the reference and to hold the invariants. */
export async function expectAgreement(reference: ReferenceJobs, system: JobSystem): Promise<void> {
  const rows = await readSnapshots(system.session);
  const before = new Map(system.snapshots.map((row) => [row.id, row]));
  system.snapshots = rows;
  expect(rows.map((row) => ({ id: row.id, breaches: findBreaches(row, before.get(row.id)) }))).toEqual(
    rows.map(({ id }) => ({ id, breaches: [] })),
  );
  expect(rows).toMatchObject(
    reference.jobs
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((job) => ({
        id: job.id,
        status: job.status,
        version: job.events.length,
        attempt: job.attempt,
        released_count: job.releasedCount,
        crash_count: job.crashCount,
        dispatch_epoch: job.dispatchEpoch,
        finish_reason: job.finishReason,
        error_code: job.errorCode,
        has_lease: job.leaseUntil === null ? 0 : 1,
        is_watched: job.isWatched ? 1 : 0,
        texts: job.texts.size,
        events: job.events.map((event, index) => `${index + 1}:${event}`).join(' '),
        records: job.status === 'succeeded' ? 1 : 0,
      })),
  );
}

const runningOf = ({ jobs }: ReferenceJobs): readonly ReferenceJob[] =>
  jobs.filter(({ status }) => status === 'running');

function resolveTarget(reference: ReferenceJobs, { isRunning, index, attemptsBack }: Target) {
  const running = runningOf(reference);
  const choice = isRunning && running.length > 0 ? running : reference.jobs;
  const job = choice[index % choice.length] as ReferenceJob;
  const key: ClaimKey = { id: job.id, attempt: job.attempt - attemptsBack };
  return { job, key, name: `${label(job)} attempt ${key.attempt}` };
}

/** Names a job in reports. */
const label = ({ number }: ReferenceJob): string => `#${number}`;

function expectJob(job: Job | null | undefined, reference: ReferenceJob): void {
  expect(job).toMatchObject({
    id: reference.id,
    ownerId: reference.ownerId,
    status: reference.status,
    version: reference.events.length,
    priorityClass: reference.priorityClass,
    turn: reference.turn,
    attempt: reference.attempt,
    output:
      reference.completion === null || reference.finishReason === null
        ? null
        : { completion: reference.completion, finishReason: reference.finishReason },
    error: reference.errorCode === null ? null : { code: reference.errorCode },
    model: reference.attempt === 0 ? null : model,
  });
  expect(job?.cancelRequestedAt != null).toBe(reference.isCancelRequested);
}

async function expectJobReads(
  { jobs: all }: ReferenceJobs,
  { session }: JobSystem,
  { limit, index, ownerId }: ReadStep,
): Promise<void> {
  const { jobs } = session.store;
  const own = all.filter((job) => job.ownerId === ownerId).toSorted((a, b) => byAge(b, a));
  const some = all[index % all.length] as ReferenceJob;
  expectJob(await jobs.find(some.ownerId, some.id), some);
  expect(await jobs.find(stranger, some.id)).toBeNull();
  expect(await jobs.versions(all.map(({ id }) => id))).toEqual(new Map(all.map((job) => [job.id, job.events.length])));

  const listed: Job[] = [];
  const query = { ownerId, limit };
  for (let hasMore = true; hasMore;) {
    const page = await jobs.list({ ...query, after: listed.at(-1) ?? null });
    listed.push(...page.items);
    ({ hasMore } = page);
  }
  expect(listed).toHaveLength(own.length);
  for (const [position, job] of own.entries()) expectJob(listed[position], job);
  const ofStatus = await jobs.list({ ...query, statuses: [some.status], after: null, limit: 1_000 });
  expect(ofStatus.items.map(({ id }) => id)).toEqual(
    own.filter(({ status }) => status === some.status).map(({ id }) => id),
  );
}

async function expectRecordReads(
  { jobs: all }: ReferenceJobs,
  { session }: JobSystem,
  { limit, ownerId }: ReadStep,
): Promise<void> {
  const { generations } = session.store;
  const records: GenerationRecord[] = [];
  for (let hasMore = true; hasMore;) {
    const page = await generations.list({ ownerId, after: records.at(-1) ?? null, limit });
    records.push(...page.items);
    ({ hasMore } = page);
  }
  const succeeded = all.filter((job) => job.ownerId === ownerId && job.status === 'succeeded').map(({ id }) => id);
  expect(records.map(({ jobId }) => jobId).toSorted()).toEqual(succeeded.toSorted());
  for (const record of records) {
    expect(await generations.find(ownerId, record.id)).toEqual(record);
    expect(await generations.find(stranger, record.id)).toBeNull();
  }
}

async function expectQueueReads(
  reference: ReferenceJobs,
  { session }: JobSystem,
  { limit, index }: ReadStep,
): Promise<void> {
  const { jobs } = session.store;
  const hints = [];
  for (let after: string | null = null, isLast = false; !isLast;) {
    const page = await jobs.listClaimable({ fingerprint: null, after, limit });
    hints.push(...page);
    after = page.at(-1)?.id ?? null;
    isLast = page.length < limit;
  }
  const claimable = reference.claimable().map(({ id, dispatchEpoch: epoch }) => ({ id, epoch }));
  expect(hints).toEqual(claimable.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
  expect(await jobs.countClaimable(null)).toBe(claimable.length);

  const queued = reference.jobs.filter(({ status }) => status === 'queued').toSorted(byClaimOrder);
  const byOwner = [...Map.groupBy(queued, ({ ownerId }) => ownerId)];
  const queuedByOwner = new Map(byOwner.map(([ownerId, own]) => [ownerId, loadOf(own.length)]));
  const running = runningOf(reference).length;
  expect(await jobs.measureQueue()).toMatchObject({ queued: queued.length, running, queuedByOwner });
  const some = reference.jobs[index % reference.jobs.length] as ReferenceJob;
  if (some.status === 'queued') {
    const ahead = loadOf(Math.min(limit, queued.indexOf(some)));
    expect(await jobs.measureAhead(some, limit)).toEqual(ahead);
  }
  const marks = queued.flatMap((job, place) => (place % 3 === 0 ? [{ ...placeOf(job), ahead: loadOf(place) }] : []));
  expect(await jobs.listMarks(3)).toEqual(marks);
}

const { tokenBudget } = newJob() as { readonly tokenBudget: number };

const loadOf = (jobs: number) => ({ jobs, tokens: jobs * tokenBudget });

const placeOf = ({ priorityClass, turn, id }: ReferenceJob) => ({ priorityClass, turn, id });
