/** A job as the answer of `POST /generate`. */
import { endingError, ProsemillError } from './errors.ts';
import type { Generation, Job } from './types.ts';

/** @throws {ProsemillError} for a job without its whole text */
export function generationOf(job: Job): Generation {
  const { output, model, usage, finished_at: finishedAt } = job;
  if (job.status !== 'succeeded' || output === null || model === null || usage === null || finishedAt === null) {
    throw endingError(job);
  }
  if (output.generation_id === null) throw new ProsemillError('not_found', 'The text was deleted.', { jobId: job.id });
  return {
    id: output.generation_id,
    prompt: job.prompt,
    generated_text: output.generated_text,
    model_name: model.name,
    created_at: finishedAt,
    job_id: job.id,
    seed: job.seed,
    finish_reason: output.finish_reason,
    usage,
    timings: job.timings,
    expires_at: job.expires_at,
  };
}
