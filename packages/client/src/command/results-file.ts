/** The results of a batch: a file that only grows, by whole lines. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { splitLines } from '../split-lines.ts';
import type { BatchLine } from './batch-run.ts';
import { UsageError } from './exit-codes.ts';
import { readUtf8 } from './read-utf8.ts';

const newline = 0x0a;
const tailBytes = 64 * 1024;
/** More bytes than a result has. */
const longestTail = 16 * 1024 * 1024;
/** The start of each result, as `JSON.stringify` writes it. */
const resultStart = '{"line":';
const keyBase = /^batch-[0-9a-f]{16}-/;
/** More lines than this wait for the disk only if it is slower than the service. */
const mostWaiting = 1_000;

export class ResultsFile {
  /** The numbers of the lines that have a result, with their keys. */
  readonly done = new Map<number, string>();
  /** Results without a text. */
  failed = 0;
  /** The largest number of a line with a result; 0: there is none. */
  lastLine = 0;
  readonly #file: FileHandle;
  /** The first part of each key. */
  #keyBase: string;
  #waiting: string[] = [];
  #writing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#keyBase = `batch-${hashOf(path).slice(0, 16)}-`;
  }

  /**
   * Opens the file, or makes it. A torn last line, of a process that was killed in the middle of a write, is removed:
   * its job will be asked for again. Users edit the file: empty lines, a byte order mark, and a last line without its
   * newline do no harm.
   * @throws {UsageError} for a file of something else
   */
  static async open(path: string): Promise<ResultsFile> {
    const file = await open(path, 'a+');
    try {
      const { size } = await file.stat();
      const end = await endOfLines(file, size);
      const last = await readLast(file, { path, start: end, end: size });
      const results = new ResultsFile(file, path);
      // The file is changed only when all of it is known to be results.
      if (end > 0) {
        const lines = splitLines(readUtf8(createReadStream(path, { end: end - 1 }), path));
        for await (const text of lines) if (text.trim() !== '') results.#know(parse(text) ?? notResults(path, text));
      }
      if (last === null) await file.truncate(end);
      else {
        results.#know(last);
        await file.appendFile('\n');
      }
      return results;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * The Idempotency-Key of a line. It is made of the path under which the file was begun, and stays when the file is
   * moved, because its results have it.
   */
  keyOf(line: number, text: string): string {
    return this.#keyBase + hashOf(`${line}\0${text}`).slice(0, 32);
  }

  /** @throws {UsageError} when the line has a result, but was another one then */
  isDone({ line, key }: Pick<BatchLine, 'line' | 'key'>): boolean {
    const known = this.done.get(line);
    if (known === undefined) return false;
    if (known === key) return true;
    throw changed(line);
  }

  /** @throws {UsageError} when an empty line has a result */
  requireNone(line: number): void {
    if (this.done.has(line)) throw changed(line);
  }

  /** Lines that come during a write share the next one, and its flush to the disk. */
  async append(line: BatchLine): Promise<void> {
    if (this.#failure !== null) throw this.#failure.error;
    this.#know(line);
    this.#waiting.push(`${JSON.stringify(line)}\n`);
    this.#writing ??= this.#write();
    if (this.#waiting.length > mostWaiting) await this.#writing;
  }

  /** Writes the rest. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
    if (this.#failure !== null) throw this.#failure.error;
  }

  #know({ line, key, status }: BatchLine): void {
    if (this.done.size === 0) this.#keyBase = keyBase.exec(key)?.[0] ?? this.#keyBase;
    this.done.set(line, key);
    this.lastLine = Math.max(this.lastLine, line);
    if (status !== 'succeeded') this.failed += 1;
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        await this.#file.appendFile(this.#waiting.splice(0).join(''));
        await this.#file.datasync();
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#writing = null;
    }
  }
}

const changed = (line: number): UsageError =>
  new UsageError(`Line ${line} has changed since its result was written: give another --output.`);

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** @returns the position behind the last newline */
async function endOfLines(file: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - tailBytes);
    const at = (await readAt(file, { start, end })).lastIndexOf(newline);
    if (at !== -1) return start + at + 1;
    end = start;
  }
  return 0;
}

interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * @returns null: the last line is torn, or has its newline
 * @throws {UsageError} when it is not the start of a result
 */
async function readLast(
  file: FileHandle,
  { path, start, end }: Part & { readonly path: string },
): Promise<BatchLine | null> {
  const text = (await readAt(file, { start, end: Math.min(end, start + longestTail) })).toString().trim();
  const line = parse(text);
  if (line === null && text.slice(0, resultStart.length) !== resultStart.slice(0, text.length)) notResults(path, text);
  return line;
}

async function readAt(file: FileHandle, { start, end }: Part): Promise<Buffer> {
  return (await file.read(Buffer.alloc(end - start), 0, end - start, start)).buffer;
}

function notResults(path: string, text: string): never {
  throw new UsageError(`${path} is not a results file of prosemill batch run: ${text.slice(0, 60)}`);
}

/** @returns null: the text is no result */
function parse(text: string): BatchLine | null {
  try {
    const value = JSON.parse(text) as BatchLine | null;
    return typeof value?.line === 'number' && typeof value.key === 'string' ? value : null;
  } catch {
    return null;
  }
}
