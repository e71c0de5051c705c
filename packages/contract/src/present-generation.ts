/** A finished text as clients see it. */
import type { GenerationRecord, Job } from '@prosemill/core';
import { presentTimings, presentUsage } from './present-job.ts';
import type { GenerationBody } from './routes/generate.ts';
import type { GenerationRecordBody } from './routes/history.ts';

/** The answer of `POST /generate`; null for a job that has not succeeded. */
export function presentGeneration(job: Job): GenerationBody | null {
  const { output, model, usage, finishedAt } = job;
  const id = output?.generationId ?? null;
  if (output === null || id === null || model === null || usage === null || finishedAt === null) return null;
  return {
    id,
    prompt: job.prompt,
    generated_text: job.prompt + output.completion,
    model_name: model.name,
    created_at: finishedAt.toISOString(),
    job_id: job.id,
    seed: job.seed,
    finish_reason: output.finishReason,
    usage: presentUsage(usage),
    timings: presentTimings(job),
    expires_at: job.expiresAt?.toISOString() ?? null,
  };
}

/** A text in `/history`. */
export const presentRecord = (record: GenerationRecord): GenerationRecordBody => ({
  id: record.id,
  prompt: record.prompt,
  generated_text: record.prompt + record.completion,
  model_name: record.modelName,
  created_at: record.createdAt.toISOString(),
});
