/** The headers of answers about jobs. */
import { createHash } from 'node:crypto';
import { presentTimings } from '@prosemill/contract';
import {
  AppError,
  type Batch,
  boundedWaitMs,
  isTerminal,
  type Job,
  type JobEstimate,
  noEstimate,
  type Page,
} from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';

/** The weak ETag of a job: its version. @see RFC 9110, §8.8.3 */
export const etagOf = (job: Job): string => `W/"${job.version}"`;

/** The weak ETag of a batch. Each change of a job raises the sum. */
export const etagOfBatch = ({ jobs }: Batch): string => `W/"${jobs.reduce((sum, { version }) => sum + version, 0)}"`;

/**
 * The weak ETag of a page of jobs. It has the places of queued jobs and the progress of running ones. The estimated
 * times, which differ in each answer, are left out: a job in the queue moves forward when they do.
 */
export function etagOfPage({ items, hasMore }: Page<Job>, estimates: ReadonlyMap<string, JobEstimate>): string {
  const state = items.map(({ id, version }) => {
    const { ahead, tokensWritten } = estimates.get(id) ?? noEstimate;
    return [id, version, ahead, tokensWritten];
  });
  return `W/"${createHash('sha256')
    .update(JSON.stringify([hasMore, state]))
    .digest('base64url')}"`;
}

/** `Server-Timing` after a wait for a job, in milliseconds. @see W3C Server Timing */
export const serverTiming = (job: Job, waitedMs: number): string => timingHeader(presentTimings(job), waitedMs);

/** The same for a wait that failed. The error of a job has its times. */
export const failedServerTiming = (error: unknown, waitedMs: number): string =>
  timingHeader(error instanceof AppError ? (error.details['timings'] as Timings | undefined) : undefined, waitedMs);

type Timings = Partial<ReturnType<typeof presentTimings>>;

function timingHeader(
  { queue_ms: queueMs = null, generation_ms: generationMs = null }: Timings = {},
  waitedMs: number,
) {
  return [
    ...(queueMs === null ? [] : [`queue;dur=${queueMs}`]),
    ...(generationMs === null ? [] : [`generation;dur=${generationMs.toFixed(1)}`]),
    `wait;dur=${waitedMs.toFixed(1)}`,
  ].join(', ');
}

/** While the end of a job is not known, clients ask for it once a second. */
const unknownEndMs = 1_000;

/** Sets the headers that say when to ask for a job again; none for a job that has ended. */
export function setPollHeaders(c: Context<ApiEnv>, job: Job, { finishInMs }: JobEstimate): void {
  if (!isTerminal(job.status)) setPollWait(c, finishInMs);
}

/** The same for something that has not ended. `finishInMs`: null when it is not known. */
export function setPollWait(c: Context<ApiEnv>, finishInMs: number | null): void {
  const ms = boundedWaitMs(finishInMs ?? unknownEndMs);
  c.header('Retry-After', String(Math.ceil(ms / 1_000)));
  // Clients of OpenAI's API poll at this interval.
  c.header('openai-poll-after-ms', String(ms));
}
