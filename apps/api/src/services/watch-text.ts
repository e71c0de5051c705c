/** Follows the text of a job while it is written, to its end: across attempts, processes and reconnects. */
import { type StreamPosition, streamStart } from '@prosemill/contract';
import { countCodePoints, isTerminal, type Job } from '@prosemill/core';
import type { JobFeed } from './job-feed.ts';
import type { StreamedTexts } from './streamed-texts.ts';
import { type JobText, TextPlace } from './text-place.ts';

export interface WatchTextOptions {
  /** The job as the caller last read it. */
  readonly job: Job;
  /** The text that the reader has; default: none. */
  readonly position?: StreamPosition;
  /** Must be aborted when the reader is gone. */
  readonly signal: AbortSignal;
}

interface TextSource {
  /** The newest row that the stream has read; at the end, the row with the whole text. */
  readonly job: Job;
  /** The attempt that wrote the text. Its row may not have been read yet. */
  readonly attempt: number;
}

export type TextChange =
  /** A newer row of a job that has not ended. */
  | { readonly type: 'job'; readonly job: Job }
  /** The text that follows the reader's. `tokens`: the new tokens up to its end. */
  | (TextSource & {
      readonly type: 'text';
      readonly text: string;
      readonly tokens: number;
      readonly position: StreamPosition;
    })
  /** The reader's text is not the beginning of the job's, which follows from its beginning. */
  | (TextSource & { readonly type: 'reset'; readonly position: StreamPosition })
  /** The last change: the reader has the whole text of the job; null when the job is gone. */
  | { readonly type: 'ended'; readonly job: Job | null };

/**
 * Yields the text of the job from the position on, and newer rows of the job in between. The last value is `ended`,
 * unless the iteration ends before: on an abort, when the process stops, and at once when the owner has too many
 * watchers. An outage of the database only delays. Nothing is read for a reader that does not ask for the next change.
 */
export type WatchText = (options: WatchTextOptions) => AsyncGenerator<TextChange, void>;

export interface WatchTextParts {
  readonly feed: Pick<JobFeed, 'watch'>;
  readonly streamedTexts: Pick<StreamedTexts, 'join' | 'update' | 'leave' | 'untilMore'>;
}

export function createWatchText({ feed, streamedTexts }: WatchTextParts): WatchText {
  return async function* watchText({ job, position = streamStart, signal }) {
    const place = new TextPlace(position);
    const ended = isTerminal(job.status) ? job : yield* follow(job, place, signal);
    if (ended === undefined) return;
    if (ended !== null) yield* rest(place, textOf(ended), { job: ended, attempt: ended.attempt, isWhole: true });
    yield { type: 'ended', job: ended };
  };

  /** @returns the job at its end; null when it is gone; undefined when the iteration ends before */
  async function* follow(
    job: Job,
    place: TextPlace,
    signal: AbortSignal,
  ): AsyncGenerator<TextChange, Job | null | undefined> {
    const left = new AbortController();
    const rows = feed.watch(job, AbortSignal.any([signal, left.signal]));
    const streamed = streamedTexts.join(job);
    try {
      let newest = job;
      for (let row = new Arrival(rows.next()); !signal.aborted;) {
        if (row.value !== null) {
          const { done, value } = row.value;
          if (done === true) return undefined;
          if (value === null || isTerminal(value.status)) return value;
          streamedTexts.update(streamed, value);
          newest = value;
          yield { type: 'job', job: value };
          row = new Arrival(rows.next());
        }
        const { text } = streamed;
        const { length } = text;
        yield* rest(place, text, { job: newest, attempt: text.attempt, isWhole: false });
        // Text that arrived meanwhile would not end the pause.
        if (streamed.text !== text || text.length !== length) continue;
        await streamedTexts.untilMore(streamed, row.pause());
      }
      return undefined;
    } finally {
      streamedTexts.leave(streamed);
      // The abort ends the feed while it waits for a row; `return` ends it between two rows.
      left.abort();
      await rows.return();
    }
  }
}

/** Yields the text that the reader lacks. */
function* rest(
  place: TextPlace,
  text: JobText,
  { isWhole, ...source }: TextSource & { readonly isWhole: boolean },
): Generator<TextChange, void> {
  for (let step = place.advance(text, isWhole); step !== null; step = place.advance(text, isWhole)) {
    const { position } = place;
    if (step.type === 'reset') yield { ...source, type: 'reset', position };
    else yield { ...source, type: 'text', text: step.text, tokens: text.tokens, position };
  }
}

function textOf({ output, usage }: Job): JobText {
  const text = output?.completion ?? '';
  return { text, length: countCodePoints(text), tokens: usage?.completionTokens ?? 0 };
}

/** The result of a promise, for a loop that also waits for something else. */
class Arrival<Value> {
  /** Null until it is there. */
  value: Value | null = null;
  #failed: { readonly error: unknown } | null = null;
  #pause: PromiseWithResolvers<void> | null = null;

  constructor(promise: Promise<Value>) {
    void this.#receive(promise);
  }

  /** @returns a pause that the result ends */
  pause(): PromiseWithResolvers<void> {
    const pause = Promise.withResolvers<void>();
    if (this.value !== null) pause.resolve();
    if (this.#failed !== null) pause.reject(this.#failed.error);
    this.#pause = pause;
    return pause;
  }

  async #receive(promise: Promise<Value>): Promise<void> {
    try {
      this.value = await promise;
      this.#pause?.resolve();
    } catch (error) {
      this.#failed = { error };
      this.#pause?.reject(error);
    }
  }
}
