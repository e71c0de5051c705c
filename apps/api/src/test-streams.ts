/** Streams for tests: a job whose worker is the test, and a reader of events. */
import type { LiveEvent } from '@prosemill/contract';
import {
  type ClaimKey,
  countCodePoints,
  type FinishedGeneration,
  type Outcome,
  type Store,
  type WakeUps,
} from '@prosemill/core';

const model = { name: 'm', revision: '1', engine: 'e', dtype: 'fp32', fingerprint: 'f' } as const;

/** Runs one attempt at a job, and tells the API of each step. */
export class TestWorker {
  readonly #store: Store;
  readonly #wakeUps: Pick<WakeUps, 'publish'>;
  readonly key: ClaimKey;
  text = '';
  #tokens = 0;

  private constructor(store: Store, wakeUps: Pick<WakeUps, 'publish'>, key: ClaimKey) {
    this.#store = store;
    this.#wakeUps = wakeUps;
    this.key = key;
  }

  /** @throws when nothing is claimable */
  static async claim(store: Store, wakeUps: Pick<WakeUps, 'publish'>): Promise<TestWorker> {
    const claimed = await store.jobs.claim({ workerId: 'w', model, leaseMs: 30_000, fromClass: 0 });
    if (claimed === null) throw new Error('Nothing to claim.');
    const { id, attempt } = claimed.job;
    wakeUps.publish({ type: 'job-changed', ids: [id] });
    return new TestWorker(store, wakeUps, { id, attempt });
  }

  /** Writes a part of the text, which counts as a token. */
  async write(part: string): Promise<void> {
    this.#tokens += 1;
    const piece = { ...this.key, offset: countCodePoints(this.text), text: part, tokens: this.#tokens };
    this.text += part;
    await this.#store.texts.append([piece]);
    this.#wakeUps.publish({ type: 'job-text', ids: [this.key.id] });
  }

  async succeed(rest = ''): Promise<void> {
    this.text += rest;
    await this.end({ type: 'succeeded', result: this.result });
  }

  async end(outcome: Outcome): Promise<void> {
    await this.#store.jobs.complete(this.key, outcome);
    this.#wakeUps.publish({ type: 'job-changed', ids: [this.key.id] });
  }

  /** The text so far as the result of a generation. */
  get result(): FinishedGeneration {
    return {
      completion: this.text,
      finishReason: 'length',
      usage: { promptTokens: 3, completionTokens: this.#tokens },
      timeToFirstTokenMs: 1,
      generationMs: 2,
      modelName: model.name,
    };
  }
}

/** An event as it was sent, with parsed data. A block without data is `comment` or `retry`. */
export type SentEvent =
  | (LiveEvent & { readonly id?: string; readonly retry?: string })
  | { readonly event: 'comment' | 'retry'; readonly id?: string; readonly data: string };

/** Reads the events of an answer one by one. */
export class EventReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #buffer = '';

  /** @throws for an answer that is no stream */
  constructor(response: Response) {
    if (response.body === null) throw new Error(`The answer ${response.status} has no body.`);
    this.#reader = response.body.getReader();
  }

  /** @returns null at the end of the stream */
  async next(): Promise<SentEvent | null> {
    for (;;) {
      const end = this.#buffer.indexOf('\n\n');
      if (end !== -1) {
        const block = this.#buffer.slice(0, end);
        this.#buffer = this.#buffer.slice(end + 2);
        return parseBlock(block);
      }
      const { done, value } = await this.#reader.read();
      if (done) return null;
      this.#buffer += this.#decoder.decode(value, { stream: true });
    }
  }

  /** @returns the next event of this type; the events before it are dropped */
  async nextOf<Type extends SentEvent['event']>(type: Type): Promise<Extract<SentEvent, { event: Type }>> {
    for (let event = await this.next(); event !== null; event = await this.next()) {
      if (event.event === type) return event as Extract<SentEvent, { event: Type }>;
    }
    throw new Error(`The stream ended before an event ${type}.`);
  }

  /** All events up to the end. */
  async rest(): Promise<readonly SentEvent[]> {
    const events: SentEvent[] = [];
    for (let event = await this.next(); event !== null; event = await this.next()) events.push(event);
    return events;
  }

  async leave(): Promise<void> {
    await this.#reader.cancel();
  }
}

function parseBlock(block: string): SentEvent {
  if (block.startsWith(':')) return { event: 'comment', data: block };
  const fields = Object.fromEntries(
    block.split('\n').map((line): [string, string] => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  if (fields['data'] === undefined) return { event: 'retry', data: fields['retry'] ?? '' };
  return { ...fields, data: JSON.parse(fields['data']) as unknown } as SentEvent;
}

/** The text that a client has after these events. */
export function collectText(events: readonly SentEvent[]): string {
  let text = '';
  for (const event of events) {
    if (event.event === 'reset') text = '';
    if (event.event === 'token') text += event.data.text;
  }
  return text;
}
