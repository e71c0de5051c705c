/** The server-sent events of one connection. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';

/** The service sends a comment every 15 s, so this is three of them. */
const silentMs = 45_000;

/**
 * Yields each event, and its `retry:` fields as numbers. The end of the connection ends the iteration.
 * @param onSilence  Called when nothing has come for 45 s, not even a comment: it closes the connection.
 * @throws when the connection breaks
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  onSilence: () => void,
): AsyncGenerator<EventSourceMessage | number, void> {
  const found: (EventSourceMessage | number)[] = [];
  const parser = createParser({ onEvent: (event) => found.push(event), onRetry: (ms) => found.push(ms) });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const timer = setTimeout(onSilence, silentMs);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* found.splice(0);
    }
  } finally {
    // The connection may be broken already.
    await reader.cancel().catch(() => undefined);
  }
}
