/** Accepts a job: check, commit, then hint. The answer never waits for the hint. */
import { randomInt } from 'node:crypto';
import type { GenerationRequest } from '@prosemill/contract';
import {
  errorLine,
  type HintSender,
  type Job,
  type JobStore,
  type Logger,
  newId,
  type PriorityClass,
} from '@prosemill/core';
import { toSamplingParameters } from '../wire/to-sampling-parameters.ts';
import type { PromptCheck } from './prompt-check.ts';

export interface SubmitJobOptions {
  readonly jobs: JobStore;
  readonly hints: HintSender;
  readonly checkPrompt: PromptCheck;
  readonly maxAttempts: number;
  readonly logger: Logger;
}

export interface Submission {
  readonly ownerId: string;
  readonly request: GenerationRequest;
  readonly priorityClass: PriorityClass;
}

/** @throws {AppError} what the prompt check throws, and `database_unavailable` */
export type SubmitJob = (submission: Submission) => Promise<Job>;

export function createSubmitJob({ jobs, hints, checkPrompt, maxAttempts, logger }: SubmitJobOptions): SubmitJob {
  return async function submitJob({ ownerId, request, priorityClass }) {
    const parameters = toSamplingParameters(request);
    await checkPrompt({ prompt: request.prompt, parameters });
    const job = await jobs.submit({
      id: newId(),
      ownerId,
      priorityClass,
      prompt: request.prompt,
      parameters,
      seed: request.seed ?? randomInt(2 ** 32),
      maxAttempts,
      deadlineMs: null,
    });
    void sendHint(job);
    return job;
  };

  async function sendHint(job: Job): Promise<void> {
    try {
      await hints.send([{ id: job.id, epoch: job.dispatchEpoch }]);
    } catch (error) {
      logger.debug({ jobId: job.id, reason: errorLine(error) }, 'the hint may be lost; a worker will make up for it');
    }
  }
}
