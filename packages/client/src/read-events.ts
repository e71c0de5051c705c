/** The server-sent events of one connection. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';

/** An event, or the milliseconds of a `retry:` field. */
export type LiveEvent = EventSourceMessage | number;

/** The end of the text ends the iteration. */
export async function* readEvents(text: AsyncIterable<string>): AsyncGenerator<LiveEvent, void> {
  const found: LiveEvent[] = [];
  const parser = createParser({ onEvent: (event) => found.push(event), onRetry: (ms) => found.push(ms) });
  for await (const part of text) {
    parser.feed(part);
    yield* found.splice(0);
  }
}
