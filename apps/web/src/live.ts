/**
 * The one stream of this tab: up to 16 jobs, and topics. Browsers have six connections for a host, so that a stream for
 * each job would make the page hang with a few tabs open.
 *
 * A lost connection goes on at the position of each job. A page that nobody sees for a while closes the stream. Where
 * streams do not get through (a proxy may hold them back), the jobs are asked for between the attempts; jobs for which
 * the connection has no room are asked for until it has.
 */
import { effect, signal } from '@preact/signals';
import type { LiveEvent, LiveFilters } from '@prosemill/client';
import type { JobBody, Problem } from '@prosemill/contract';
import type { PageProblem } from './api.ts';
import { type ConnectionEnd, type OpenStream, runConnection } from './live-connection.ts';
import { getJob, openLive } from './requests.ts';
import { healthProblem } from './service-state.ts';
import { keysHeld } from './session.ts';

export interface TokenEvent {
  readonly text: string;
  /** New tokens so far. */
  readonly tokens: number;
}

/** The listener of a job. After `onCompleted` or `onFailed` it hears no more. */
export interface JobListener {
  readonly onStatus: (job: JobBody) => void;
  readonly onTokens: (event: TokenEvent) => void;
  /** The text so far is void. */
  readonly onReset: () => void;
  readonly onCompleted: (job: JobBody) => void;
  /** The job cannot be watched. */
  readonly onFailed: (problem: PageProblem) => void;
}

const topics = ['jobs', 'machine'] as const;
export type Topic = (typeof topics)[number];
/** Takes the data of a topic's events. */
export type TopicListener = (data: unknown) => void;

/** Whether texts come as they are written: `lost` while the stream is being connected again. */
export type LiveState = 'idle' | 'connected' | 'lost';

interface WatchedJob {
  readonly listener: JobListener;
  /** The id of its last event. */
  position: string | null;
}

interface Connection {
  readonly jobs: ReadonlySet<string>;
  readonly topics: ReadonlySet<Topic>;
  readonly stop: AbortController;
}

/** Jobs that begin together share a connection. */
const gatherMs = 20;
const hiddenMs = 10_000;
/** The limit of the service. */
const mostJobs = 16;
const askOthersMs = 2_000;
const jobErrorRetryMs = 5_000;
const longestRetryMs = 30_000;
/** From this failure in a row on, the jobs are asked for. */
const failuresUntilAsked = 3;

export class Live {
  readonly state = signal<LiveState>('idle');
  readonly #open: OpenStream;
  readonly #getJob: typeof getJob;
  readonly #jobs = new Map<string, WatchedJob>();
  readonly #topics = new Map<Topic, Set<TopicListener>>();
  #connection: Connection | null = null;
  #isSeen = true;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #othersTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(dependencies: { readonly open: OpenStream; readonly getJob: typeof getJob }) {
    this.#open = dependencies.open;
    this.#getJob = dependencies.getJob;
  }

  /** @returns ends it */
  watchJob(id: string, listener: JobListener): () => void {
    const watched: WatchedJob = { listener, position: null };
    this.#jobs.set(id, watched);
    this.#connectIn(gatherMs);
    return () => {
      if (this.#jobs.get(id) === watched) this.#jobs.delete(id);
      this.#connectIn(gatherMs);
    };
  }

  /** @returns ends it */
  watchTopic(topic: Topic, listener: TopicListener): () => void {
    const listeners = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, listeners.add(listener));
    this.#connectIn(gatherMs);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#topics.delete(topic);
      this.#connectIn(gatherMs);
    };
  }

  /** Somebody looks at the page, or nobody does any more. */
  setSeen(isSeen: boolean): void {
    this.#isSeen = isSeen;
    this.#connectIn(isSeen ? 0 : hiddenMs);
  }

  /** The network is another one: the connection is dead, though nothing says so yet. */
  reconnect(): void {
    this.#close();
    this.#connectIn(0);
  }

  #connectIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), ms);
  }

  #close(): void {
    this.#connection?.stop.abort();
    this.#connection = null;
  }

  #isWanted(): boolean {
    return this.#isSeen && this.#jobs.size + this.#topics.size > 0;
  }

  /** Jobs end by themselves; a topic that nobody reads would go on for ever. */
  #isEnough({ jobs, topics: connected }: Connection): boolean {
    return (
      this.#streamedIds().every((id) => jobs.has(id)) &&
      topics.every((topic) => connected.has(topic) === this.#topics.has(topic))
    );
  }

  #streamedIds(): readonly string[] {
    return [...this.#jobs.keys()].slice(0, mostJobs);
  }

  #connect(): void {
    this.#askForOthersLater();
    if (!this.#isWanted()) {
      this.#close();
      this.state.value = 'idle';
      return;
    }
    if (this.#connection !== null && this.#isEnough(this.#connection)) return;
    this.#close();
    const connection: Connection = {
      jobs: new Set(this.#streamedIds()),
      topics: new Set(this.#topics.keys()),
      stop: new AbortController(),
    };
    this.#connection = connection;
    void this.#follow(connection);
  }

  async #follow(connection: Connection): Promise<void> {
    const isCurrent = (): boolean => this.#connection === connection;
    const end = await runConnection({
      open: this.#open,
      filters: this.#filters(connection),
      signal: connection.stop.signal,
      onOpen: () => {
        if (isCurrent()) this.state.value = 'connected';
      },
      onEvent: (event) => {
        if (isCurrent()) this.#handle(event);
      },
    });
    if (isCurrent()) this.#onEnd(end);
  }

  #filters({ jobs, topics: topic }: Connection): LiveFilters {
    const job = [...jobs].map((id) => {
      const position = this.#jobs.get(id)?.position ?? null;
      return position === null ? id : `${id}@${position}`;
    });
    return { job, topic: [...topic] };
  }

  #onEnd({ kind, problem, wasGood, retryMs }: ConnectionEnd): void {
    this.#connection = null;
    this.state.value = this.#isWanted() ? 'lost' : 'idle';
    if (kind === 'refused' && problem !== null) return this.#giveUp(problem);
    if (wasGood) this.#failures = 0;
    this.#retryAfter(kind === 'broken' && problem === null && this.#failures === 0 ? 0 : retryMs);
  }

  /** Connects again after this time, and after a longer one with each failure in a row. */
  #retryAfter(ms: number): void {
    this.#failures += 1;
    if (this.#failures >= failuresUntilAsked) void this.#askForJobs([...this.#jobs.keys()]);
    const waitMs = Math.min(ms * 2 ** Math.max(0, this.#failures - 2), longestRetryMs);
    this.#connectIn(waitMs * (0.75 + Math.random() / 4));
  }

  /** The service would refuse again. */
  #giveUp(problem: PageProblem): void {
    const watched = [...this.#jobs.values()];
    this.#jobs.clear();
    for (const { listener } of watched) listener.onFailed(problem);
  }

  /** The jobs for which the connection has no room. */
  #askForOthersLater(): void {
    clearTimeout(this.#othersTimer);
    if (!this.#isSeen || this.#jobs.size <= mostJobs) return;
    const ask = async (): Promise<void> => {
      await this.#askForJobs([...this.#jobs.keys()].slice(mostJobs));
      this.#askForOthersLater();
    };
    this.#othersTimer = setTimeout(() => void ask(), askOthersMs);
  }

  async #askForJobs(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const watched = this.#jobs.get(id);
      if (watched === undefined) continue;
      const answer = await this.#getJob(id);
      if (!answer.ok || this.#jobs.get(id) !== watched) continue;
      if (answer.body.finished_at === null) watched.listener.onStatus(answer.body);
      else this.#complete(id, answer.body);
    }
  }

  #complete(id: string, job: JobBody): void {
    this.#end(id)?.listener.onCompleted(job);
    if (!this.#isWanted()) this.#connectIn(0);
  }

  /** Watches a job no more, which may leave room for another. */
  #end(id: string): WatchedJob | undefined {
    const watched = this.#jobs.get(id);
    this.#jobs.delete(id);
    if (this.#connection !== null && this.#jobs.size >= mostJobs) this.#connectIn(gatherMs);
    return watched;
  }

  #onJobError(id: string, problem: Problem): void {
    if (isPassing(problem)) {
      this.#close();
      this.state.value = 'lost';
      this.#retryAfter(jobErrorRetryMs);
      return;
    }
    this.#end(id)?.listener.onFailed({ ...problem, retryAfterMs: null });
  }

  #handle({ event, id: position, data }: Exclude<LiveEvent, number>): void {
    const body: unknown = JSON.parse(data);
    if (event === 'jobs' || event === 'machine') {
      for (const listener of this.#topics.get(event) ?? []) listener(body);
      return;
    }
    const { job_id: id } = body as { readonly job_id: string };
    const watched = this.#jobs.get(id);
    if (watched === undefined) return;
    watched.position = position ?? watched.position;
    const { listener } = watched;
    if (event === 'token') listener.onTokens(body as TokenEvent);
    else if (event === 'reset') listener.onReset();
    else if (event === 'status') listener.onStatus(body as JobBody);
    else if (event === 'completed') this.#complete(id, body as JobBody);
    else if (event === 'error') this.#onJobError(id, body as Problem);
  }
}

/** The job is there, but the service has no room for its stream now, or no database. */
const isPassing = ({ status }: Problem): boolean => status === 429 || status >= 500;

export const live = new Live({ open: openLive, getJob });

export function startLive(): void {
  document.addEventListener('visibilitychange', () => live.setSeen(!document.hidden));
  addEventListener('online', () => live.reconnect());
  live.setSeen(!document.hidden);
  effect(() => {
    // The service answers again: texts need not wait for the next attempt.
    if (healthProblem.value === null && live.state.peek() === 'lost') live.reconnect();
  });
  effect(() => {
    // A stream that was refused may be allowed with another key.
    if (keysHeld.value.length > 0) live.reconnect();
  });
}
