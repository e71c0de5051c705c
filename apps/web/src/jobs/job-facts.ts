/** A job in a few words, for its row. */
import type { JobBody } from '@prosemill/contract';
import { formatMs, formatPlace, formatPlural, formatSpeed, formatWait } from '../format.ts';
import { describeTokens } from '../playground/progress.ts';

/** The facts that matter in the job's state: `31 of 48 tokens`, `next · in about 4 s`, `48 tokens · 259 ms · 206/s`. */
export function factsOf(job: JobBody, nowMs: number): string {
  const { usage, timings, error } = job;
  switch (job.status) {
    case 'queued':
      return join([
        job.queue === null ? null : formatPlace(job.queue.position),
        formatWait(job.queue?.estimated_start_at ?? null, nowMs),
      ]);
    case 'running':
      return job.tokens_written === null ? '' : describeTokens(job.tokens_written, job);
    case 'succeeded':
    case 'canceled':
      return join([
        usage === null ? null : formatPlural(usage.completion_tokens, 'token'),
        timings.total_ms === null ? null : formatMs(timings.total_ms),
        timings.tokens_per_second === null ? null : formatSpeed(timings.tokens_per_second),
      ]);
    case 'failed':
    case 'expired':
      return join([error?.code.replaceAll('_', ' ') ?? null, formatMs(timings.total_ms)]);
  }
}

const join = (facts: readonly (string | null)[]): string =>
  facts.filter((fact) => fact !== null && fact !== '').join(' · ');
