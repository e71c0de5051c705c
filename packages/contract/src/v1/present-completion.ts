/** Finished texts and parts of texts as OpenAI's clients see them. */
import type { z } from '@hono/zod-openapi';
import type { Job } from '@prosemill/core';
import { presentUsage } from '../present-job.ts';
import type { completionChunkSchema, completionSchema } from './completions.ts';

export type CompletionBody = z.infer<typeof completionSchema>;
export type CompletionChunk = z.infer<typeof completionChunkSchema>;
type FinishReason = CompletionBody['choices'][number]['finish_reason'];

export interface CompletionOptions {
  /** The name of the model in the request. */
  readonly model: string;
  /** Choices for each prompt. */
  readonly n: number;
}

/** @param jobs  The job of each choice, in order; all have succeeded. */
export const presentCompletion = (jobs: readonly Job[], options: CompletionOptions): CompletionBody => ({
  ...identityOf(jobs, options),
  choices: jobs.map((job, index) => ({
    index,
    text: job.output?.completion ?? '',
    logprobs: null,
    finish_reason: finishReasonOf(job),
  })),
  usage: usageOf(jobs, options),
});

export interface TextPart {
  readonly index: number;
  readonly text: string;
  /** Null before the last part of a choice. */
  readonly finishReason: FinishReason | null;
}

/** A part of one choice. */
export const presentChunk = (
  jobs: readonly Job[],
  { index, text, finishReason }: TextPart,
  options: CompletionOptions,
): CompletionChunk => ({
  ...identityOf(jobs, options),
  choices: [{ index, text, logprobs: null, finish_reason: finishReason }],
});

/** The chunk after the last choice, for `include_usage`. */
export const presentUsageChunk = (jobs: readonly Job[], options: CompletionOptions): CompletionChunk => ({
  ...identityOf(jobs, options),
  choices: [],
  usage: usageOf(jobs, options),
});

function identityOf(jobs: readonly Job[], { model }: CompletionOptions) {
  const [first] = jobs;
  return {
    id: `cmpl-${first?.id ?? ''}`,
    object: 'text_completion' as const,
    created: Math.floor((first?.createdAt.getTime() ?? 0) / 1_000),
    model: first?.model?.name ?? model,
    system_fingerprint: first?.model?.fingerprint ?? null,
  };
}

export const finishReasonOf = ({ output }: Job): FinishReason => (output?.finishReason === 'stop' ? 'stop' : 'length');

/** As OpenAI counts: each prompt once, and the new tokens of every choice. */
function usageOf(jobs: readonly Job[], { n }: CompletionOptions): CompletionBody['usage'] {
  const firstChoices = jobs.filter((_, index) => index % n === 0);
  return presentUsage({
    promptTokens: sum(firstChoices, 'promptTokens'),
    completionTokens: sum(jobs, 'completionTokens'),
  });
}

const sum = (jobs: readonly Job[], key: keyof NonNullable<Job['usage']>): number =>
  jobs.reduce((total, { usage }) => total + (usage?.[key] ?? 0), 0);
