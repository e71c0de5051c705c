/** Collects the events of running calls into few messages. */
import type { CallEvent, ChildTokenEvent } from './messages.ts';

/** Text waits so long for more. A message wakes the worker, which takes a core from the threads that compute. */
export const textWaitMs = 20;

/** The first text of a call and its end leave at the end of this turn of the event loop, with all that waits. */
export class EventOutbox {
  readonly #send: (events: readonly CallEvent[]) => void;
  #events: CallEvent[] = [];
  /** The place in `#events` of each call's last text. */
  readonly #texts = new Map<number, number>();
  readonly #haveText = new Set<number>();
  #isUrgent = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (events: readonly CallEvent[]) => void) {
    this.#send = send;
  }

  add(call: number, event: ChildTokenEvent): void {
    this.#collect(call, event);
    const isUrgent = event.type === 'generation-end' || (event.type === 'token-delta' && !this.#haveText.has(call));
    if (event.type === 'token-delta') this.#haveText.add(call);
    if (event.type === 'generation-end') this.#haveText.delete(call);
    if (isUrgent && !this.#isUrgent) {
      this.#isUrgent = true;
      queueMicrotask(() => this.#flush());
    }
    this.#timer ??= setTimeout(() => this.#flush(), textWaitMs);
  }

  #collect(call: number, event: ChildTokenEvent): void {
    const place = this.#texts.get(call);
    const waiting = place === undefined ? undefined : this.#events[place]?.event;
    if (place !== undefined && waiting?.type === 'token-delta' && event.type === 'token-delta') {
      this.#events[place] = { call, event: { ...event, text: waiting.text + event.text } };
      return;
    }
    if (event.type === 'token-delta') this.#texts.set(call, this.#events.length);
    this.#events.push({ call, event });
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isUrgent = false;
    this.#texts.clear();
    const events = this.#events;
    this.#events = [];
    if (events.length > 0) this.#send(events);
  }
}
