/** The stream of a completion: chunks of all choices as they are written, in OpenAI's format. */
import {
  type CompletionChunk,
  type CompletionRequest,
  finishReasonOf,
  presentChunk,
  presentUsageChunk,
} from '@prosemill/contract';
import { AppError, assertNever, type Job } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../../api-env.ts';
import type { ApiServices } from '../../api-services.ts';
import type { ServerSentEvent } from '../../http/event-streams.ts';
import { requireText, requireWatchers, shuttingDown } from '../../services/await-texts.ts';
import { merged } from '../../services/merged.ts';

type StreamServices = Pick<ApiServices, 'feed' | 'watchText' | 'streams'>;

interface StreamedCompletion {
  /** The job of each choice, in order. */
  readonly jobs: readonly Job[];
  readonly body: CompletionRequest;
}

export const streamCompletion = (
  c: Context<ApiEnv>,
  services: StreamServices,
  completion: StreamedCompletion,
): Response => services.streams.answer(c, (signal) => eventsOf(services, completion, signal));

async function* eventsOf(
  { feed, watchText }: StreamServices,
  { jobs: submitted, body }: StreamedCompletion,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent, void> {
  const hasUsage = body.stream_options?.include_usage === true;
  const toEvent = (chunk: CompletionChunk): ServerSentEvent => ({
    data: JSON.stringify(hasUsage ? { ...chunk, usage: chunk.usage ?? null } : chunk),
  });
  const jobs = [...submitted];
  const over = new AbortController();
  const left = AbortSignal.any([signal, over.signal]);
  let open = jobs.length;
  requireWatchers(feed, jobs);
  try {
    for await (const [index, change] of merged(jobs.map((job) => watchText({ job, signal: left })))) {
      switch (change.type) {
        case 'job':
          jobs[index] = change.job;
          break;
        case 'text':
          yield toEvent(presentChunk(jobs, { index, text: change.text, finishReason: null }, body));
          break;
        case 'reset':
          throw overwritten();
        case 'ended': {
          const job = requireText(change.job ?? (jobs[index] as Job));
          jobs[index] = job;
          open -= 1;
          yield toEvent(presentChunk(jobs, { index, text: '', finishReason: finishReasonOf(job) }, body));
          break;
        }
        default:
          assertNever(change);
      }
    }
  } finally {
    over.abort();
  }
  if (open > 0) throw shuttingDown();
  if (hasUsage) yield toEvent(presentUsageChunk(jobs, body));
  yield { data: '[DONE]' };
}

/** OpenAI's protocol cannot take back a chunk. The same request again gets the whole text. */
const overwritten = (): AppError =>
  new AppError('worker_lost', {
    message: 'A worker was lost, and the text that follows differs from the text so far.',
  });
