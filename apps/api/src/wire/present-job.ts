/** A job as clients see it, and what its headers say. */
import type { JobBody } from '@prosemill/contract';
import { answerWithin, isRetryable, isTerminal, type Job, type JobStore } from '@prosemill/core';
import { presentParameters } from './to-sampling-parameters.ts';

/** Seconds until it makes sense to ask again; estimates come later. */
export const retryAfterSeconds = '1';

/** Positions are exact below this many jobs ahead. */
const exactPositions = 1_000;
/** What an answer that must come waits for a position. */
const positionPatienceMs = 100;

/** @param basePath  The base path of the request that is answered. */
export const jobPath = (id: string, basePath: string): string => `${basePath}/jobs/${id}`;

/** The data of an answer about jobs besides the jobs. */
export interface Presentation {
  readonly jobs: JobStore;
  /** The base path of the request that is answered. */
  readonly basePath: string;
}

/** The job with its place in the queue, which is read now and is no part of the ETag. */
export async function presentJob(job: Job, { jobs, basePath }: Presentation): Promise<JobBody> {
  const ahead = job.status === 'queued' ? await jobs.countAhead(job.id, 10 * exactPositions) : null;
  return toBody(job, { ahead, basePath });
}

/** The same of a page of jobs; the place is null from ten thousand on. */
export async function presentJobs(page: readonly Job[], { jobs, basePath }: Presentation): Promise<JobBody[]> {
  const queued = page.filter(({ status }) => status === 'queued').map(({ id }) => id);
  const ahead = await jobs.listAhead(queued, 10 * exactPositions);
  return page.map((job) => toBody(job, { ahead: ahead.get(job.id) ?? null, basePath }));
}

/**
 * The job for whoever has submitted it or waited for it: the job is safe, or the wait is over, so this neither fails nor waits for the
 * database. The place is null when it is not known in time, and from `exactPositions` on: counting further costs several submits.
 */
export async function presentPromptly(job: Job, { jobs, basePath }: Presentation): Promise<JobBody> {
  const ahead = job.status === 'queued' ? await countPromptly(job.id, jobs) : null;
  return toBody(job, { ahead: ahead === exactPositions ? null : ahead, basePath });
}

async function countPromptly(id: string, jobs: JobStore): Promise<number | null> {
  try {
    return await answerWithin(positionPatienceMs, jobs.countAhead(id, exactPositions));
  } catch (error) {
    if (!isRetryable(error)) throw error;
    return null;
  }
}

function toBody(job: Job, { ahead, basePath }: { ahead: number | null; basePath: string }): JobBody {
  const { output } = job;
  const self = jobPath(job.id, basePath);
  return {
    id: job.id,
    object: 'job',
    status: job.status,
    prompt: job.prompt,
    parameters: presentParameters(job.parameters),
    model: job.model,
    output: output && {
      generated_text: output.generatedText,
      finish_reason: output.finishReason,
      generation_id: output.generationId,
    },
    error: job.error,
    usage: presentUsage(job.usage),
    timings: presentTimings(job),
    queue: ahead === null ? null : { position: roundPosition(ahead) },
    seed: job.seed,
    attempt: job.attempt,
    max_attempts: job.maxAttempts,
    cancel_requested_at: job.cancelRequestedAt?.toISOString() ?? null,
    urls: { self, cancel: `${self}/cancel` },
    created_at: job.createdAt.toISOString(),
    started_at: job.startedAt?.toISOString() ?? null,
    finished_at: job.finishedAt?.toISOString() ?? null,
  };
}

export function presentUsage(usage: NonNullable<Job['usage']>): NonNullable<JobBody['usage']>;
export function presentUsage(usage: Job['usage']): JobBody['usage'];
export function presentUsage(usage: Job['usage']): JobBody['usage'] {
  if (usage === null) return null;
  const { promptTokens, completionTokens } = usage;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function presentTimings(job: Job): JobBody['timings'] {
  const { generationMs, usage } = job;
  return {
    queue_ms: elapsed(job.createdAt, job.startedAt),
    time_to_first_token_ms: job.timeToFirstTokenMs,
    generation_ms: generationMs,
    total_ms: elapsed(job.createdAt, job.finishedAt),
    tokens_per_second:
      generationMs === null || generationMs === 0 || usage === null
        ? null
        : Math.round((usage.completionTokens / generationMs) * 100_000) / 100,
  };
}

const elapsed = (from: Date, to: Date | null): number | null =>
  to === null ? null : Math.max(0, to.getTime() - from.getTime());

const roundPosition = (ahead: number): number =>
  ahead < exactPositions ? ahead : Math.round(ahead / exactPositions) * exactPositions;

/** The weak ETag of a job: its version. @see RFC 9110, §8.8.3 */
export const etagOf = (job: Job): string => `W/"${job.version}"`;

/** True when an If-None-Match header names this ETag. @see RFC 9110, §13.1.2: weak comparison, a list, or `*` */
export function matchesEtag(header: string, job: Job): boolean {
  const strong = etagOf(job).slice(2);
  return header.split(',').some((candidate) => {
    const tag = candidate.trim();
    return tag === '*' || tag === strong || tag === `W/${strong}`;
  });
}

/** `Server-Timing` of a job that was waited for, milliseconds. @see W3C Server Timing */
export function serverTiming(job: Job, waitedMs: number): string {
  const { queue_ms: queueMs, generation_ms: generationMs } = presentTimings(job);
  return [
    ...(queueMs === null ? [] : [`queue;dur=${queueMs}`]),
    ...(generationMs === null ? [] : [`generation;dur=${generationMs.toFixed(1)}`]),
    `wait;dur=${waitedMs.toFixed(1)}`,
  ].join(', ');
}

/** Headers of an answer about a job that may not be finished. */
export const jobHeaders = (job: Job): Record<string, string> => ({
  ETag: etagOf(job),
  ...(isTerminal(job.status) ? {} : { 'Retry-After': retryAfterSeconds }),
});
