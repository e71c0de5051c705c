/** `POST /generate`: submit, wait, and answer with the text, or with the job when the wait is over first. */
import { generateRoute } from '@prosemill/contract';
import { AppError, type ErrorCode, errorTable, isTerminal, type Job, type JobOutput } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';
import { parsePreference } from '../wire/preference.ts';
import { jobPath, presentPromptly, presentUsage, retryAfterSeconds, serverTiming } from '../wire/present-job.ts';

export function addGenerateRoute(addRoute: AddRoute, { submitJob, feed, store }: ApiServices): void {
  addRoute(generateRoute, async (c) => {
    const preference = parsePreference(c.req.valid('header').prefer);
    const startedAt = performance.now();
    const { job: accepted, isReplay } = await submitJob({
      ownerId: c.var.caller.ownerId,
      request: c.req.valid('json'),
      // Who does not wait stands where the jobs of others do that nobody waits for.
      priorityClass: preference.waitMs === 0 ? 1 : 0,
      trace: c.var.trace,
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    c.set('jobId', accepted.id);
    if (isReplay) c.header('Idempotent-Replayed', 'true');
    const latest =
      preference.waitMs === 0
        ? accepted
        : await feed.wait({
            job: accepted,
            until: ({ status }) => isTerminal(status),
            timeoutMs: preference.waitMs,
            signal: c.req.raw.signal,
          });
    const job = latest ?? accepted;
    if (preference.applied !== null) c.header('Preference-Applied', preference.applied);
    if (preference.waitMs > 0) c.header('Server-Timing', serverTiming(job, performance.now() - startedAt));
    if (!isTerminal(job.status)) {
      c.header('Location', jobPath(job.id, c.var.basePath));
      c.header('Retry-After', retryAfterSeconds);
      return c.json(await presentPromptly(job, { jobs: store.jobs, basePath: c.var.basePath }), 202);
    }
    return c.json(presentGeneration(job), 200);
  });
}

/** @throws {AppError} when the job ended without a text */
function presentGeneration(job: Job) {
  const { output, model, usage, finishedAt } = job;
  if (!isSuccess(job, output) || model === null || usage === null || finishedAt === null) throw endingOf(job);
  return {
    id: output.generationId,
    prompt: job.prompt,
    generated_text: output.generatedText,
    model_name: model.name,
    created_at: finishedAt.toISOString(),
    job_id: job.id,
    seed: job.seed,
    finish_reason: output.finishReason,
    usage: presentUsage(usage),
  };
}

const isSuccess = (job: Job, output: JobOutput | null): output is JobOutput & { generationId: number } =>
  job.status === 'succeeded' && output !== null && output.generationId !== null;

/** How the job ended, as an error with its id. */
function endingOf(job: Job): AppError {
  const details = { job_id: job.id };
  if (job.status === 'canceled') {
    return new AppError('job_canceled', { message: 'The job was canceled before it finished.', details });
  }
  const { code, message } = job.error ?? { code: 'internal', message: '' };
  if (code === 'generation_failed' || code === 'engine_unavailable') {
    return new AppError('generation_failed', { message: `Model inference failed: ${message}`, details });
  }
  return new AppError(isErrorCode(code) ? code : 'internal', { message, details });
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);
