/** Writes the log. Lines that cannot be written are dropped and counted: the log never blocks the service. */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { tolerateFailures } from '@prosemill/core';

/** The most bytes that wait for a slow reader; above this, new lines are dropped. */
const maxUnsentBytes = 1_024 * 1_024;
const lineFeed = 0x0a;

/** Standard output or standard error. */
export type LogStream = NodeJS.WriteStream & { readonly fd: number };

/** Writes each line as soon as there is room, so that the last lines of a process are not lost. */
export class LogOutput {
  readonly #stream: LogStream;
  readonly #onResumed: (lostLines: number) => void;
  #lostLines = 0;
  /** The number of lost lines at the last call of {@link onResumed}. */
  #reportedLines = 0;
  /** Whether the last line was written in part only. */
  #isTorn = false;

  /**
   * @param onResumed  Called with the number of lines dropped since the start, when lines are written again. It may
   *   write.
   */
  constructor(stream: LogStream, onResumed: (lostLines: number) => void) {
    this.#stream = stream;
    this.#onResumed = onResumed;
    tolerateFailures(stream);
  }

  write(line: string): void {
    // Only a pipe, a socket or a terminal is a Socket; a file or a device is not.
    if (!(this.#stream instanceof Socket)) this.#settle(this.#writeToFile(line));
    else if (this.#stream.writableLength > maxUnsentBytes) this.#settle(false);
    else this.#stream.write(line, (error) => this.#settle(error == null));
  }

  /** Writes without the stream, which reports a line as written even if there was room for only a part of it. */
  #writeToFile(line: string): boolean {
    const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#stream.fd, bytes, written);
    } catch {
      // The disk is full or gone, or a quota is exceeded. The next line may succeed.
    }
    if (written > 0) this.#isTorn = bytes[written - 1] !== lineFeed;
    return written === bytes.length;
  }

  #settle(isWritten: boolean): void {
    if (!isWritten) this.#lostLines += 1;
    else if (this.#lostLines > this.#reportedLines && this.#stream.writableLength === 0) {
      this.#reportedLines = this.#lostLines;
      this.#onResumed(this.#lostLines);
    }
  }
}
