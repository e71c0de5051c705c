/** Verifications: the same request with the same seed on the same model must give the same text. */
import { hashText } from '@prosemill/contract';
import {
  AppError,
  defaultTerms,
  isTerminal,
  type Job,
  type JobTerms,
  type TextRequest,
  workerGoneMs,
  type WorkerStore,
} from '@prosemill/core';

/** The deadline of a verification: without it, one would wait forever if all workers with its model had left. */
const deadlineMs = 60 * 60_000;

/**
 * The request that repeats a job exactly, and its terms.
 * @throws {AppError} `job_not_finished`; `not_verifiable` when the job has no text, or no live worker has its model
 */
export async function verificationOf(
  job: Job,
  workers: WorkerStore,
): Promise<{ readonly request: TextRequest; readonly terms: JobTerms }> {
  if (!isTerminal(job.status)) {
    throw new AppError('job_not_finished', { message: `The job is ${job.status}: it can be verified when it ends.` });
  }
  const { status, model, prompt, parameters, seed } = job;
  if (status !== 'succeeded' || model === null) {
    throw notVerifiable(`The job is ${status}: only the text of a job that succeeded can be verified.`);
  }
  const live = await workers.listLive(workerGoneMs);
  const isServed = live.some(
    (worker) => worker.model?.fingerprint === model.fingerprint && ['ready', 'loading'].includes(worker.state),
  );
  if (!isServed) {
    throw notVerifiable(`No worker has the model of the job: ${model.name} with the fingerprint ${model.fingerprint}.`);
  }
  const terms = {
    ...defaultTerms,
    deadlineMs,
    verifyOf: job.id,
    requiredFingerprint: model.fingerprint,
    isStored: job.isStored,
  };
  return { request: { prompt, parameters, seed }, terms };
}

export interface Comparison {
  readonly match: boolean;
  /** The hash of the verification's text. */
  readonly sha256: string;
}

/**
 * Compares a job with its verification. Null while the verification has no whole text.
 * @throws {AppError} `not_verifiable` when it ran on another model: a worker of an older version may have claimed it
 */
export function compareTexts(job: Job, verification: Job): Comparison | null {
  if (verification.status !== 'succeeded' || verification.output === null) return null;
  if (verification.model?.fingerprint !== job.model?.fingerprint) {
    const message = 'A worker with another model ran the verification. Try again when all workers have this version.';
    throw notVerifiable(message, { job_id: verification.id });
  }
  const sha256 = hashOutput(verification);
  return { match: sha256 === hashOutput(job), sha256 };
}

const hashOutput = ({ prompt, output }: Job): string => hashText(prompt + (output?.completion ?? ''));

const notVerifiable = (message: string, details: Readonly<Record<string, unknown>> = {}): AppError =>
  new AppError('not_verifiable', { message, details });
