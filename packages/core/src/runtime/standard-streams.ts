/** Standard output and error that cannot end or block the process, whatever their reader or the disk does. */
import { settleWithin } from './answer-within.ts';

const flushLimitMs = 1_000;

/**
 * Makes failed writes harmless: they raise no uncaught exceptions. A terminal with stopped output (Ctrl-S) does not
 * block the process. Idempotent.
 * @see https://nodejs.org/api/process.html#a-note-on-process-io: Node waits for the readers of terminals alone
 */
export function tolerateFailures(stream: NodeJS.WriteStream): void {
  if (stream.listeners('error').includes(ignore)) return;
  stream.on('error', ignore);
  if (!stream.isTTY) return;
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (isBlocking: boolean) => void } };
  handle?.setBlocking?.(false);
}

/** Resolves when all output so far is written or refused; after a second at the latest. */
export async function flushOutput(): Promise<void> {
  const flushed = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => void stream.write('', () => resolve())),
  );
  await settleWithin(flushLimitMs, Promise.all(flushed));
}

function ignore(): void {
  // The callback of the write gets the error too.
}
