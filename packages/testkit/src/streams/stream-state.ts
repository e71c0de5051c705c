/** The text of a job's event stream as a client collects it, compared with the promises of the stream at each event. */
import { crc32 } from 'node:zlib';
import { isTerminal, type JobStatus } from '@prosemill/core';

/** The fields of a job that a stream's promises are about. */
export interface StreamedJob {
  readonly id: string;
  readonly status: JobStatus;
  readonly attempt: number;
  readonly prompt: string;
  readonly output: { readonly generated_text: string } | null;
}

/** An event with parsed data. */
export interface StreamEvent {
  readonly type: string;
  /** Null: the event has none. */
  readonly id: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A job as an event showed it. */
export interface ShownJob {
  readonly job: StreamedJob;
  readonly version: number;
}

export class StreamState {
  /** The completion so far. */
  text = '';
  /** The id to go on after; null before the first. */
  lastEventId: string | null = null;
  /** The job in the last `status` or `completed`. */
  job: StreamedJob | null = null;
  /** The same in this connection; null before its first event. */
  shown: ShownJob | null = null;
  resets = 0;
  /** The problem document of an `error`. */
  error: Readonly<Record<string, unknown>> | null = null;
  isCompleted = false;
  #codePoints = 0;
  #crc = 0;
  /** The version in the last id of this connection. A stale process may show the next connection an older one. */
  #version = 0;
  #isFirst = true;

  /** Call it before the first event of each connection. */
  beginConnection(): void {
    this.#isFirst = true;
    this.#version = 0;
    this.shown = null;
  }

  /** @throws for an event that breaks a promise of the stream */
  add(event: StreamEvent): void {
    const { type, id, data } = event;
    if (this.isCompleted) throw broken(event, 'it comes after the end');
    if (this.#isFirst && type !== 'status' && type !== 'error') throw broken(event, 'the first event is no status');
    this.#isFirst = false;
    if (type === 'error') {
      this.error = data;
      return;
    }
    this.#apply(event);
    if (id === null) throw broken(event, 'it has no id');
    this.#checkId(event, id);
    this.lastEventId = id;
  }

  #apply(event: StreamEvent): void {
    const { type, data } = event;
    switch (type) {
      case 'status':
        this.#show(event);
        break;
      case 'token':
        this.#append(event);
        break;
      case 'reset':
        this.resets += 1;
        [this.text, this.#codePoints, this.#crc] = ['', 0, 0];
        if (typeof data['reason'] !== 'string') throw broken(event, 'it has no reason');
        break;
      case 'completed':
        this.#complete(event);
        break;
      default:
        throw broken(event, 'its type is unknown');
    }
  }

  #show(event: StreamEvent): StreamedJob {
    const { data } = event;
    if (data['object'] !== 'job') throw broken(event, 'it shows no job');
    const job = data as unknown as StreamedJob;
    if (this.job !== null && this.job.id !== job.id) throw broken(event, `it shows another job than ${this.job.id}`);
    this.job = job;
    return job;
  }

  #append(event: StreamEvent): void {
    const { text, tokens, now } = event.data;
    if (typeof text !== 'string' || !text.isWellFormed()) throw broken(event, 'its text is not well-formed');
    if (!Number.isSafeInteger(tokens)) throw broken(event, 'it counts no tokens');
    if (Number.isNaN(Date.parse(String(now)))) throw broken(event, 'it has no time');
    this.text += text;
    this.#codePoints += codePointsOf(text);
    this.#crc = crc32(text, this.#crc);
  }

  #complete(event: StreamEvent): void {
    const { status, prompt, output } = this.#show(event);
    if (!isTerminal(status)) throw broken(event, `the job is ${status}`);
    if (output !== null && `${prompt}${this.text}` !== output.generated_text) {
      throw broken(event, `the ${this.#codePoints} characters of the stream are not the job's text`);
    }
    this.isCompleted = true;
  }

  /** No character twice and none missing: the id counts the client's text and is its checksum. */
  #checkId(event: StreamEvent, id: string): void {
    const [, version, offset, crc] = /^(\d+)-(\d+)-([\da-f]{8})$/.exec(id) ?? [];
    if (Number(offset) !== this.#codePoints) throw broken(event, `the client has ${this.#codePoints} characters`);
    if (Number.parseInt(crc ?? '', 16) !== this.#crc) throw broken(event, 'the client has another text');
    if (Number(version) < this.#version) throw broken(event, `version ${this.#version} came before`);
    this.#version = Number(version);
    if ((event.type === 'status' || event.type === 'completed') && this.job !== null) {
      this.shown = { job: this.job, version: this.#version };
    }
  }
}

export const codePointsOf = (text: string): number => Array.from(text).length;

/** Names no text: tests of real services print it. */
const broken = ({ type, id }: StreamEvent, reason: string): Error =>
  new Error(`The event ${type} ${id ?? 'without id'} breaks a promise of the stream: ${reason}.`);
