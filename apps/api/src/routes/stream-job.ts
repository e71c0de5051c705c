/** The stream of a job, for the routes that answer with one. */
import {
  type GenerationRequest,
  jobIdHeader,
  jobPath,
  presentJobEvent,
  presentReset,
  presentTokens,
  type StreamEvent,
  type StreamPosition,
  streamStart,
} from '@prosemill/contract';
import { AppError, assertNever, type Job, noEstimate } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import type { ApiServices } from '../api-services.ts';
import type { ServerSentEvent, StreamEnd } from '../http/event-streams.ts';
import { maxWatchersPerOwner } from '../services/job-feed.ts';
import type { Accepted } from '../services/submit-job.ts';

type StreamServices = Pick<ApiServices, 'estimates' | 'feed' | 'watchText' | 'streams' | 'leaveJob'>;

/** The pause of a client between a broken connection and the next one. */
const retryMs = 2_000;
/** The same after a stop: random, so that not all clients come at once. */
const retryAfterStopMs = (): number => 1_500 + Math.floor(1_000 * Math.random());
/** A guess: a place becomes free when another stream or wait of the owner ends. */
const retryFullMs = 5_000;

/** Call it before a job is stored for a stream. @throws {AppError} `rate_limited` */
export function requireRoom({ feed }: Pick<ApiServices, 'feed'>, ownerId: string, watchers = 1): void {
  if (feed.hasRoom(ownerId, watchers)) return;
  const limit = maxWatchersPerOwner.toLocaleString('en');
  throw new AppError('rate_limited', {
    message: `${limit} requests of this owner wait for jobs or stream them already. End some first.`,
    details: { retryAfterMs: retryFullMs },
  });
}

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

interface EventsOptions {
  readonly job: Job;
  readonly position: StreamPosition;
  readonly signal: AbortSignal;
  readonly basePath: string;
}

async function* eventsOf(
  { estimates, watchText }: StreamServices,
  { signal, basePath, ...start }: EventsOptions,
): AsyncGenerator<ServerSentEvent, void> {
  let { job, position } = start;
  const status = async (): Promise<ServerSentEvent> => {
    const view = { estimate: await estimates.of(job), basePath };
    return toServerSent(presentJobEvent('status', job, { position, view }));
  };
  yield { ...(await status()), retryMs };
  for await (const change of watchText({ job, position, signal })) {
    if ('position' in change) ({ position } = change);
    switch (change.type) {
      case 'job':
        ({ job } = change);
        yield await status();
        break;
      case 'text':
        yield toServerSent(presentTokens(change.job, { ...change, now: new Date() }));
        break;
      case 'reset':
        yield toServerSent(presentReset(change.job, change));
        break;
      case 'ended':
        if (change.job === null) throw new AppError('not_found', { message: `There is no job ${job.id} any more.` });
        yield toServerSent(
          presentJobEvent('completed', change.job, { position, view: { estimate: noEstimate, basePath } }),
        );
        return;
      default:
        assertNever(change);
    }
  }
  yield { retryMs: retryAfterStopMs() };
}

const toServerSent = ({ data, ...event }: StreamEvent): ServerSentEvent => ({ ...event, data: JSON.stringify(data) });
