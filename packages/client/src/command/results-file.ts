/** The results of a batch: a file that only grows, by whole lines. */
import { type FileHandle, open } from 'node:fs/promises';
import type { BatchLine } from './batch-run.ts';
import { UsageError } from './exit-codes.ts';
import { readLines } from './read-lines.ts';

const newline = 0x0a;
const tailBytes = 64 * 1024;
/** More lines than this wait for the disk only if it is slower than the service. */
const mostWaiting = 1_000;

export class ResultsFile {
  /** The numbers of the lines that have a result, with their keys. */
  readonly done = new Map<number, string>();
  /** Results without a text. */
  failed = 0;
  readonly #file: FileHandle;
  #waiting: string[] = [];
  #writing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Opens the file, or makes it. A torn last line, of a process that was killed in the middle of a write, is removed:
   * its job will be asked for again.
   * @throws {UsageError} for a file of something else
   */
  static async open(path: string): Promise<ResultsFile> {
    const file = await open(path, 'a+');
    try {
      await repair(file);
      const results = new ResultsFile(file);
      for await (const text of readLines(path)) results.#know(parse(text, path));
      return results;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** @throws {UsageError} when the line has a result, but was another one then */
  isDone({ line, key }: Pick<BatchLine, 'line' | 'key'>): boolean {
    const known = this.done.get(line);
    if (known === undefined) return false;
    if (known === key) return true;
    throw new UsageError(`Line ${line} has changed since its result was written: give another --output.`);
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
    this.done.set(line, key);
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

/** Cuts the file behind its last newline. */
async function repair(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - tailBytes);
    const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    const at = buffer.lastIndexOf(newline);
    if (at !== -1 && start + at + 1 === size) return;
    if (at !== -1) return await file.truncate(start + at + 1);
    end = start;
  }
  await file.truncate(0);
}

function parse(text: string, path: string): BatchLine {
  try {
    const value = JSON.parse(text) as BatchLine | null;
    if (typeof value?.line === 'number' && typeof value.key === 'string') return value;
  } catch {
    // Reported below.
  }
  throw new UsageError(`${path} is not a results file of prosemill batch run: ${text.slice(0, 60)}`);
}
