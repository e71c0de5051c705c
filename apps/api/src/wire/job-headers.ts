/** The headers of answers about jobs. */
import { presentTimings } from '@prosemill/contract';
import { isTerminal, type Job } from '@prosemill/core';

/** Seconds until a new request makes sense. */
export const retryAfterSeconds = '1';

/** The weak ETag of a job: its version. @see RFC 9110, §8.8.3 */
export const etagOf = (job: Job): string => `W/"${job.version}"`;

/** Whether an If-None-Match header names this ETag. @see RFC 9110, §13.1.2: weak comparison, a list, or `*` */
export function matchesEtag(header: string, job: Job): boolean {
  const strong = etagOf(job).slice(2);
  return header.split(',').some((candidate) => {
    const tag = candidate.trim();
    return tag === '*' || tag === strong || tag === `W/${strong}`;
  });
}

/** `Server-Timing` after a wait for a job, in milliseconds. @see W3C Server Timing */
export function serverTiming(job: Job, waitedMs: number): string {
  const { queue_ms: queueMs, generation_ms: generationMs } = presentTimings(job);
  return [
    ...(queueMs === null ? [] : [`queue;dur=${queueMs}`]),
    ...(generationMs === null ? [] : [`generation;dur=${generationMs.toFixed(1)}`]),
    `wait;dur=${waitedMs.toFixed(1)}`,
  ].join(', ');
}

/** The headers of an answer about a job that may not be finished. */
export const jobHeaders = (job: Job): Record<string, string> => ({
  ETag: etagOf(job),
  ...(isTerminal(job.status) ? {} : { 'Retry-After': retryAfterSeconds }),
});
