/** The calls that run in the engine's process, each with the queue of its events. */
import type { GenerationEnding, TokenEvent } from '@prosemill/core';
import { EventQueue } from './event-queue.ts';

export interface Call {
  readonly id: number;
  readonly events: AsyncIterable<TokenEvent>;
}

export class Calls {
  readonly #queues = new Map<number, EventQueue<TokenEvent>>();
  #lastId = 0;

  add(): Call {
    this.#lastId += 1;
    const events = new EventQueue<TokenEvent>();
    this.#queues.set(this.#lastId, events);
    return { id: this.#lastId, events };
  }

  /** @returns false if the call has ended */
  remove(id: number): boolean {
    return this.#queues.delete(id);
  }

  push(id: number, event: TokenEvent): void {
    this.#queues.get(id)?.push(event);
  }

  /** The ending is the call's last event. */
  end(id: number, ending: GenerationEnding): void {
    const events = this.#queues.get(id);
    this.#queues.delete(id);
    events?.push({ type: 'generation-end', ending });
    events?.end();
  }

  endAll(ending: GenerationEnding): void {
    for (const id of this.#queues.keys()) this.end(id, ending);
  }
}
