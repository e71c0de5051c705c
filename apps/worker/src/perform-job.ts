/** One attempt at one job, from prompt to outcome. Never throws. */
import {
  AppError,
  assertNever,
  type AttemptEnding,
  backoffMs,
  type ClaimedJob,
  type GeneratedPart,
  type GenerationEnding,
  type JobError,
  type Outcome,
  type PromptPolicy,
  retryBackoff,
  type TextGenerator,
  toAppError,
} from '@prosemill/core';
import type { AttemptText } from './attempt-text.ts';
import type { AbortReason } from './running-jobs.ts';

export interface PerformOptions {
  readonly generator: TextGenerator;
  readonly isRefused: PromptPolicy;
  /** Empty; the generation fills it. */
  readonly text: AttemptText;
  /** Its reason is an {@link AbortReason}. */
  readonly signal: AbortSignal;
}

export async function performJob(claimed: ClaimedJob, options: PerformOptions): Promise<AttemptEnding> {
  const { prompt } = claimed.job;
  if (options.isRefused(prompt)) {
    const error = { code: 'prompt_refused', message: 'Prompt contains inappropriate content' };
    return { type: 'failed', error, partial: null };
  }
  try {
    const generated = await generate(claimed, options);
    return outcomeOf(claimed, generated, options.signal.aborted ? (options.signal.reason as AbortReason) : null);
  } catch (error) {
    return failure(claimed, toAppError(error, 'generation_failed'));
  }
}

interface Generated {
  readonly ending: GenerationEnding;
  readonly part: GeneratedPart;
}

async function generate({ job }: ClaimedJob, { generator, text, signal }: PerformOptions): Promise<Generated> {
  const startedAt = performance.now();
  let promptTokens = 0;
  let timeToFirstTokenMs: number | null = null;
  for await (const event of generator.generate(job, signal)) {
    switch (event.type) {
      case 'generation-start':
        promptTokens = event.promptTokens;
        text.begin(event.maxNewTokens);
        break;
      case 'token-delta':
        timeToFirstTokenMs ??= msSince(startedAt);
        text.add(event.text, event.completionTokens);
        break;
      case 'generation-end': {
        const { ending } = event;
        const { completion, completionTokens } = text;
        const usage = ending.reason === 'error' ? { promptTokens, completionTokens } : ending.usage;
        const generationMs = msSince(startedAt);
        return { ending, part: { completion, usage, timeToFirstTokenMs, generationMs } };
      }
      default:
        assertNever(event);
    }
  }
  throw new AppError('generation_failed', { message: 'The engine stopped without an ending.' });
}

/** To a hundredth: further digits would be noise in every answer. */
const msSince = (startedAt: number): number => Math.round(100 * (performance.now() - startedAt)) / 100;

function outcomeOf(claimed: ClaimedJob, { ending, part }: Generated, abortReason: AbortReason | null): AttemptEnding {
  switch (ending.reason) {
    case 'stop':
    case 'length': {
      const modelName = claimed.job.model?.name ?? 'unknown';
      return { type: 'succeeded', result: { ...part, finishReason: ending.reason, modelName } };
    }
    case 'error':
      // Not released: the job may be the one that kills engines.
      if (ending.error.code === 'worker_lost' && (abortReason === null || abortReason === 'shutdown')) {
        return { type: 'crashed' };
      }
      // An engine that stops with its worker ends its texts with an error: the job is not to blame.
      return abortReason === null ? failure(claimed, ending.error) : abortedOutcome(abortReason, part);
    case 'canceled':
      return abortedOutcome(abortReason ?? 'shutdown', part);
    default:
      return assertNever(ending);
  }
}

function abortedOutcome(reason: AbortReason, partial: GeneratedPart): AttemptEnding {
  switch (reason) {
    case 'canceled':
      return { type: 'canceled', partial };
    case 'deadline': {
      const error = { code: 'deadline_exceeded', message: 'The deadline passed while the job was running.' };
      return { type: 'failed', error, partial };
    }
    case 'shutdown':
      return { type: 'released' };
    case 'lost':
      return { type: 'lost' };
    default:
      return assertNever(reason);
  }
}

/** The only place where an error's `retryable` becomes a transition. */
function failure({ job }: ClaimedJob, { code, message, retryable }: AppError): Outcome {
  const error: JobError = { code, message };
  if (!retryable) return { type: 'failed', error, partial: null };
  return { type: 'retried', error, delayMs: backoffMs(job.attempt - job.releasedCount, retryBackoff) };
}
