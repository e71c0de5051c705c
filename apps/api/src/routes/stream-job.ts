/** The stream of a job, for the routes that answer with one. */
import {
  type GenerationRequest,
  jobIdHeader,
  jobPath,
  type LiveEvent,
  presentJobEvent,
  presentReset,
  presentTokens,
  type StreamEvent,
  type StreamPosition,
  streamStart,
} from '@prosemill/contract';
import { type AppError, assertNever, type Job, noEstimate } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import { jobGone } from '../services/find-job.ts';
import type { ApiServices } from '../api-services.ts';
import type { ServerSentEvent, StreamEnd } from '../http/event-streams.ts';
import { tooManyWatchers } from '../services/job-feed.ts';
import type { Accepted } from '../services/submit-job.ts';

type StreamServices = Pick<ApiServices, 'estimates' | 'feed' | 'watchText' | 'streams' | 'leaveJob'>;

/** The pause of a client between a broken connection and the next one. */
export const retryMs = 2_000;
/** The same after a stop: random, so that not all clients come at once. */
export const retryAfterStopMs = (): number => 1_500 + Math.floor(1_000 * Math.random());
/** A guess: a place becomes free when another stream or wait of the owner ends. */
const retryFullMs = 5_000;

/** Call it before a job is stored for a stream. @throws {AppError} `rate_limited` */
export function requireRoom({ feed }: Pick<ApiServices, 'feed'>, ownerId: string, watchers = 1): void {
  if (!feed.hasRoom(ownerId, watchers)) throw noRoom();
}

export const noRoom = (): AppError => tooManyWatchers('End some first.', { retryAfterMs: retryFullMs });

/** Answers a submit with the stream of its job. */
export function streamAccepted(
  c: Context<ApiEnv>,
  services: StreamServices,
  { job, isReplay }: Accepted,
  onDisconnect: GenerationRequest['on_disconnect'],
): Response {
  c.set('jobId', job.id);
  if (isReplay) c.header('Idempotent-Replayed', 'true');
  c.header('Location', jobPath(job.id, c.var.basePath));
  c.header(jobIdHeader, job.id);
  const response = streamJob(c, services, { job });
  if (onDisconnect === 'cancel') void cancelIfLeft(job, services, c.var.streamEnd);
  return response;
}

async function cancelIfLeft(job: Job, { leaveJob }: StreamServices, end: Promise<StreamEnd> | undefined) {
  if ((await end)?.ending === 'left') await leaveJob(job);
}

/** @param position  Default: the beginning of the text. */
export function streamJob(
  c: Context<ApiEnv>,
  services: StreamServices,
  { job, position = streamStart }: { readonly job: Job; readonly position?: StreamPosition | undefined },
): Response {
  return services.streams.answer(c, (signal) =>
    eventsOf(services, { job, position, signal, basePath: c.var.basePath }),
  );
}

/** The events of a job as a client sees them, with the pauses before it connects again. */
async function* eventsOf(services: StreamServices, options: EventsOptions): AsyncGenerator<ServerSentEvent, void> {
  let isFirst = true;
  let isComplete = false;
  for await (const event of jobEvents(services, options)) {
    isComplete = event.event === 'completed';
    yield { ...toServerSent(event), ...(isFirst ? { retryMs } : {}) };
    isFirst = false;
  }
  if (!isComplete) yield { retryMs: retryAfterStopMs() };
}

export interface EventsOptions {
  readonly job: Job;
  readonly position: StreamPosition;
  readonly signal: AbortSignal;
  readonly basePath: string;
}

/**
 * The state of the job, its text and its changes. The last event is `completed`, unless the iteration ends before, as
 * that of `watchText` may.
 * @throws {AppError} `gone` when the job is deleted
 */
export async function* jobEvents(
  { estimates, watchText }: Pick<StreamServices, 'estimates' | 'watchText'>,
  { signal, basePath, ...start }: EventsOptions,
): AsyncGenerator<StreamEvent, void> {
  let { job, position } = start;
  const status = async (): Promise<StreamEvent> => {
    const view = { estimate: await estimates.of(job), basePath };
    return presentJobEvent('status', job, { position, view });
  };
  yield await status();
  for await (const change of watchText({ job, position, signal })) {
    if ('position' in change) ({ position } = change);
    switch (change.type) {
      case 'job':
        ({ job } = change);
        yield await status();
        break;
      case 'text':
        yield presentTokens(change.job, { ...change, now: new Date() });
        break;
      case 'reset':
        yield presentReset(change.job, change);
        break;
      case 'ended':
        if (change.job === null) throw jobGone(job.id);
        yield presentJobEvent('completed', change.job, { position, view: { estimate: noEstimate, basePath } });
        return;
      default:
        assertNever(change);
    }
  }
}

export const toServerSent = ({ data, ...event }: LiveEvent): ServerSentEvent => ({
  ...event,
  data: JSON.stringify(data),
});
