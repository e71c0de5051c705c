/** `GET /live`: several jobs and topics in one stream. */
import {
  type LiveEvent,
  liveRoute,
  type MachineState,
  ofJob,
  presentJobChanges,
  presentMachine,
  type StreamPosition,
  streamStart,
} from '@prosemill/contract';
import { AppError, toAppError } from '@prosemill/core';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';
import type { ApiServices } from '../api-services.ts';
import type { ServerSentEvent } from '../http/event-streams.ts';
import { describeError } from '../on-error.ts';
import type { AddRoute } from '../route-table.ts';
import { findJob } from '../services/find-job.ts';
import type { ChangedJobs } from '../services/job-changes.ts';
import { merged } from '../services/merged.ts';
import { jobEvents, noRoom, requireRoom, retryAfterStopMs, retryMs, toServerSent } from './stream-job.ts';

interface WantedJob {
  readonly id: string;
  readonly position: StreamPosition | undefined;
}

interface Wanted {
  readonly jobs: readonly WantedJob[];
  readonly topics: ReadonlySet<'jobs' | 'machine'>;
}

/**
 * A stream with a topic never ends by itself, and outlives the key of its request. The key is checked again with the
 * first event after this time.
 */
const checkKeyMs = 10_000;

export function addLiveRoute(addRoute: AddRoute, services: ApiServices): void {
  addRoute(liveRoute, (c) => {
    const { job = [], topic = [] } = c.req.valid('query');
    const jobs = [...new Map(job.map((each) => [each.id, each])).values()];
    const wanted = { jobs, topics: new Set(topic) };
    requireRoom(services, c.var.caller.ownerId, jobs.length + wanted.topics.size);
    return services.streams.answer(c, (signal) => new LiveStream(c, services, signal).events(wanted));
  });
}

type ToEvent<Value> = (value: Value, ownerId: string) => ServerSentEvent;

/** All watchers of an owner get the same objects, and each is presented and serialized once for all of them. */
function sharedEvents<Value extends object>(present: (value: Value, ownerId: string) => LiveEvent): ToEvent<Value> {
  const known = new WeakMap<Value, Map<string, ServerSentEvent>>();
  return (value, ownerId) => {
    const byOwner = known.get(value) ?? new Map<string, ServerSentEvent>();
    known.set(value, byOwner);
    const event = byOwner.get(ownerId) ?? toServerSent(present(value, ownerId));
    byOwner.set(ownerId, event);
    return event;
  };
}

const changesEvent = sharedEvents(({ jobs, hasMore }: ChangedJobs) => presentJobChanges(jobs, hasMore));
const machineEvent = sharedEvents((state: MachineState, ownerId): LiveEvent => ({
  event: 'machine',
  data: presentMachine(state, ownerId),
}));

class LiveStream {
  readonly #c: Context<ApiEnv>;
  readonly #services: ApiServices;
  readonly #signal: AbortSignal;

  constructor(c: Context<ApiEnv>, services: ApiServices, signal: AbortSignal) {
    this.#c = c;
    this.#services = services;
    this.#signal = signal;
  }

  get #ownerId(): string {
    return this.#c.var.caller.ownerId;
  }

  async *events({ jobs, topics }: Wanted): AsyncGenerator<ServerSentEvent, void> {
    const { jobChanges, machine } = this.#services;
    const sources = [
      ...jobs.map((job) => this.#job(job)),
      ...(topics.has('jobs') ? [this.#topic(jobChanges.watch(this.#ownerId, this.#signal), changesEvent)] : []),
      ...(topics.has('machine') ? [this.#topic(machine.watch(this.#signal), machineEvent)] : []),
    ];
    let checkedAt = performance.now();
    yield { retryMs };
    for await (const [, event] of merged(sources)) {
      if (performance.now() - checkedAt > checkKeyMs) {
        await this.#requireKey();
        checkedAt = performance.now();
      }
      yield event;
    }
    if (this.#services.isStopping()) yield { retryMs: retryAfterStopMs() };
  }

  /** @throws {AppError} `unauthorized` */
  async #requireKey(): Promise<void> {
    await this.#services.identify({ authorization: this.#c.req.header('Authorization'), needsDatabase: false });
  }

  /** The events of a job. Its errors are its own: the others go on. */
  async *#job({ id, position = streamStart }: WantedJob): AsyncGenerator<ServerSentEvent, void> {
    const { basePath } = this.#c.var;
    const signal = this.#signal;
    try {
      const job = await findJob(this.#services.store.jobs, { ownerId: this.#ownerId, id });
      let isComplete = false;
      for await (const event of jobEvents(this.#services, { job, position, signal, basePath })) {
        isComplete = event.event === 'completed';
        yield toServerSent(ofJob(job, event));
      }
      // Others have taken the room since the request began.
      if (!isComplete && !signal.aborted && !this.#services.isStopping()) throw noRoom();
    } catch (error) {
      yield toServerSent(this.#errorOf(id, error));
    }
  }

  #errorOf(id: string, thrown: unknown): LiveEvent {
    const { code, message, details, cause } = toAppError(thrown);
    const error = new AppError(code, { message, cause: cause ?? thrown, details: { ...details, job_id: id } });
    return { event: 'error', data: JSON.parse(describeError(error, this.#c).body) as never };
  }

  /** The events of a topic, which counts as a watcher of the owner. */
  async *#topic<Value>(values: AsyncIterable<Value>, toEvent: ToEvent<Value>): AsyncGenerator<ServerSentEvent, void> {
    const leave = this.#services.feed.hold(this.#ownerId);
    try {
      for await (const value of values) yield toEvent(value, this.#ownerId);
    } finally {
      leave();
    }
  }
}
