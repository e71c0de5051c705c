/** The error for a request that waited for a job which ended without a text. Its details name the job and its times. */
import { presentTimings } from '@prosemill/contract';
import { AppError, type ErrorCode, errorTable, type Job } from '@prosemill/core';

export function endingError(job: Job): AppError {
  const details = { job_id: job.id, timings: presentTimings(job) };
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
