/** A job as clients see it. */
import { createHash } from 'node:crypto';
import type { Job, JobEstimate } from '@prosemill/core';
import type { DryRunBody, JobBody } from './job.ts';
import { presentParameters } from './text-request.ts';

/** The part of an answer about a job that is not in the job. */
export interface JobView {
  readonly estimate: JobEstimate;
  /** The prefix of every path in the answer, such as `/api`; '' for none. */
  readonly basePath: string;
}

/** The path of a job, for clients. */
export const jobPath = (id: string, basePath: string): string => `${basePath}/jobs/${id}`;

export function presentJob(job: Job, { estimate, basePath }: JobView): JobBody {
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
      generated_text: job.prompt + output.completion,
      completion: output.completion,
      finish_reason: output.finishReason,
      generation_id: output.generationId,
      sha256: hashText(job.prompt + output.completion),
    },
    error: job.error,
    usage: job.usage && presentUsage(job.usage),
    tokens_written: estimate.tokensWritten,
    timings: presentTimings(job),
    queue: presentQueue(estimate),
    seed: job.seed,
    attempt: job.attempt,
    max_attempts: job.maxAttempts,
    cancel_requested_at: job.cancelRequestedAt?.toISOString() ?? null,
    retry_of: job.retryOf,
    verify_of: job.verifyOf,
    batch_id: job.batchId,
    custom_id: job.customId,
    metadata: job.metadata,
    webhook_url: job.webhook?.url ?? null,
    webhook_events: job.webhook && [...job.webhook.events],
    urls: {
      self,
      cancel: `${self}/cancel`,
      retry: `${self}/retry`,
      verify: `${self}/verify`,
      stream: `${self}/stream`,
      events: `${self}/events`,
      deliveries: `${self}/deliveries`,
    },
    created_at: job.createdAt.toISOString(),
    started_at: job.startedAt?.toISOString() ?? null,
    finished_at: job.finishedAt?.toISOString() ?? null,
    expires_at: job.expiresAt?.toISOString() ?? null,
  };
}

/** SHA-256 of the text in UTF-8, hexadecimal. */
export const hashText = (text: string): string => createHash('sha256').update(text).digest('hex');

const presentQueue = ({ ahead, startAt, finishAt }: JobEstimate): JobBody['queue'] =>
  ahead === null
    ? null
    : {
        position: ahead,
        estimated_start_at: startAt?.toISOString() ?? null,
        estimated_finish_at: finishAt?.toISOString() ?? null,
      };

export const presentUsage = ({ promptTokens, completionTokens }: NonNullable<Job['usage']>) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
});

export function presentTimings(job: Job): JobBody['timings'] {
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

export const presentDryRun = (trial: {
  readonly promptTokens: number | null;
  readonly estimatedStartAt: Date | null;
}): DryRunBody => ({
  valid: true,
  prompt_tokens: trial.promptTokens,
  estimated_start_at: trial.estimatedStartAt?.toISOString() ?? null,
});
