/** Where the lines of the log go. Lines that cannot be written are dropped and counted: the log never holds up the service. */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { tolerateFailures } from '@prosemill/core';

/** Lines that wait for a slow reader; beyond, new ones are dropped. */
const maxUnsentBytes = 1_024 * 1_024;
const lineFeed = 0x0a;

/** Standard output or error. */
export type LogStream = NodeJS.WriteStream & { readonly fd: number };

/** Writes as soon as there is room, so that the last words of a process are not lost. */
export class LogOutput {
  readonly #stream: LogStream;
  readonly #onResumed: (lostLines: number) => void;
  #lostLines = 0;
  /** As {@link onResumed} has heard. */
  #toldLines = 0;
  /** The disk was full in the middle of a line. */
  #isTorn = false;

  /**
   * @param onResumed  Called when lines are written again after some were dropped, with the number dropped since the start. It may write.
   */
  constructor(stream: LogStream, onResumed: (lostLines: number) => void) {
    this.#stream = stream;
    this.#onResumed = onResumed;
    tolerateFailures(stream);
  }

  /** @param line  With its line feed. */
  write(line: string): void {
    // A pipe, a socket or a terminal, as opposed to a file or a device.
    if (!(this.#stream instanceof Socket)) this.#settle(this.#writeToFile(line));
    else if (this.#stream.writableLength > maxUnsentBytes) this.#settle(false);
    else this.#stream.write(line, (error) => this.#settle(error == null));
  }

  /** Not by the stream, which takes a line for written when there was room for a part of it. */
  #writeToFile(line: string): boolean {
    const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#stream.fd, bytes, written);
    } catch {
      // Full, over its quota, or gone; there may be room for the next line.
    }
    if (written > 0) this.#isTorn = bytes[written - 1] !== lineFeed;
    return written === bytes.length;
  }

  #settle(isWritten: boolean): void {
    if (!isWritten) this.#lostLines += 1;
    else if (this.#lostLines > this.#toldLines && this.#stream.writableLength === 0) {
      this.#toldLines = this.#lostLines;
      this.#onResumed(this.#lostLines);
    }
  }
}
