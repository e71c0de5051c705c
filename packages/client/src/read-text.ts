/** The text of an answer as it arrives. */
import { noAnswer } from './errors.ts';
import type { LinkedController } from './linked-controller.ts';

/** A stream has a comment every 15 s, so this is three of them. */
const silentMs = 45_000;

/**
 * Leaving the iteration closes the connection, and so does a silence of 45 s.
 * @throws {ProsemillError} `no_answer` when the connection breaks
 */
export async function* readText(
  body: ReadableStream<Uint8Array>,
  connection: LinkedController,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const timer = setTimeout(() => connection.abort(), silentMs);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } catch (error) {
    throw noAnswer(error);
  } finally {
    // The connection may be broken already.
    await reader.cancel().catch(() => undefined);
    connection.end();
  }
}
