/** Standard output and error: a reader that is gone or does not read, or a full disk, never ends or holds up the process. */
import { settleWithin } from './settle-within.ts';

const flushLimitMs = 1_000;

/**
 * From now on a write that fails is no uncaught exception, and a terminal whose output was stopped (Ctrl-S) does not block the process. Idempotent.
 * @see https://nodejs.org/api/process.html#a-note-on-process-io: terminals are the only streams on which Node waits for the reader
 */
export function tolerateFailures(stream: NodeJS.WriteStream): void {
  if (stream.listeners('error').includes(ignore)) return;
  stream.on('error', ignore);
  if (!stream.isTTY) return;
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (isBlocking: boolean) => void } };
  handle?.setBlocking?.(false);
}

/** Waits until all output so far has been taken or refused; for a second at most. */
export async function flushOutput(): Promise<void> {
  const flushed = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => void stream.write('', () => resolve())),
  );
  await settleWithin(flushLimitMs, Promise.all(flushed));
}

function ignore(): void {
  // The callback of the write, where there is one, has the error too.
}
