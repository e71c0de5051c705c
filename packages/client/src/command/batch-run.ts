/**
 * `prosemill batch run`: the requests of a file, with a bounded number of jobs under way. Each line has an
 * Idempotency-Key made of the results file, its number and its content. So a run that was killed joins the jobs that it
 * left, and its results file, which only grows, tells which lines are done.
 */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { BatchResult, GenerationRequest } from '../index.ts';
import { splitLines } from '../split-lines.ts';
import type { Context } from './context.ts';
import { BadAnswer, UsageError } from './exit-codes.ts';
import { BatchProgress } from './batch-progress.ts';
import { lockFile } from './lock-file.ts';
import { readUtf8 } from './read-utf8.ts';
import { ResultsFile } from './results-file.ts';

export interface BatchRunOptions {
  readonly file: string;
  readonly resultsFile: string;
  readonly concurrency: number;
}

/** A line of the results file. */
export interface BatchLine {
  /** The number of the line in the input, from 1. */
  readonly line: number;
  /** The Idempotency-Key of the line. */
  readonly key: string;
  readonly custom_id: string | null;
  /** `refused`: there is no job. */
  readonly status: string;
  readonly job_id: string | null;
  readonly prompt: string | null;
  readonly generated_text: string | null;
  readonly finish_reason: string | null;
  readonly seed: number | null;
  readonly usage: unknown;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A request of the input. */
interface Entry {
  readonly line: number;
  readonly key: string;
  readonly customId: string | null;
  readonly request: GenerationRequest | null;
  /** The reason why there is no request. */
  readonly reason: string | null;
}

/** The service takes bodies of 64 KiB; spaces, escapes and a `custom_id` may make the line of one longer. */
const longestLine = 1_000_000;
/** A day: a service that is away for long is waited for. Ctrl-C ends the run, which can go on later. */
const retryForMs = 86_400_000;

export async function runBatchFile(context: Context, options: BatchRunOptions): Promise<void> {
  await requireFile(options.file);
  const folder = await lookUp(dirname(options.resultsFile), async (path) => await realpath(path));
  const resultsPath = join(folder, basename(options.resultsFile));
  if ((await stat(resultsPath).catch(() => null))?.isFile() === false) {
    throw new UsageError(`${options.resultsFile} is no file.`);
  }
  const size = await measure(options.file);
  // Nothing is made yet: a service that is not there at the start is a wrong address rather than an outage.
  await context.client.service({ signal: context.interrupted });
  const unlock = await lockFile(`${resultsPath}.lock`);
  try {
    const results = await ResultsFile.open(resultsPath);
    await performAll(context, options, { results, ...size });
    await report(context, { ...size, results, path: options.resultsFile });
  } finally {
    await unlock();
  }
}

/** The file is read twice: its lines are counted, then performed. A pipe or a descriptor is empty the second time. */
async function requireFile(file: string): Promise<void> {
  const isDescriptor = /^\/(?:dev\/(?:stdin$|fd\/)|proc\/)/.test(resolve(file));
  if (isDescriptor || !(await lookUp(file, stat)).isFile()) {
    throw new UsageError(`${file} is no file: save its lines first.`);
  }
}

async function lookUp<Found>(path: string, look: (path: string) => Promise<Found>): Promise<Found> {
  try {
    return await look(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT' || code === 'ENOTDIR' ? new UsageError(`${path} does not exist.`) : error;
  }
}

interface FileSize {
  /** The number of requests. */
  readonly total: number;
  /** The number of the line of the last request. */
  readonly lastLine: number;
}

interface Run extends FileSize {
  readonly results: ResultsFile;
}

async function performAll(context: Context, options: BatchRunOptions, run: Run): Promise<void> {
  const { results, total, lastLine } = run;
  const { output } = context;
  const progress = new BatchProgress({ total, done: results.done.size, failed: results.failed, output });
  try {
    if (results.lastLine > lastLine) {
      const reason = `There is a result of line ${results.lastLine}, and ${options.file} ends with line ${lastLine}`;
      throw new UsageError(`${reason}: give another --output.`);
    }
    progress.start();
    await performEntries(context, options, { ...run, progress });
  } finally {
    progress.stop();
    await results.close();
    if (context.interrupted.aborted)
      output.note('Interrupted: the same command goes on with the lines without a result.');
  }
}

interface Summary {
  readonly total: number;
  readonly results: ResultsFile;
  /** The results file, as the user named it. */
  readonly path: string;
}

/** @throws {BadAnswer} when a line has no text */
async function report({ output, isJson }: Context, { total, results, path }: Summary): Promise<void> {
  const { done, failed } = results;
  const line = `${done.size} of ${total} lines have results, ${failed} without a text: ${path}`;
  if (isJson) await output.writeJson({ total, results: done.size, failed, results_file: path });
  else if (failed > 0) output.note(line);
  else output.remark(line);
  if (failed > 0) throw new BadAnswer();
}

async function performEntries(
  context: Context,
  { file, concurrency }: BatchRunOptions,
  { results, progress }: Run & { readonly progress: BatchProgress },
): Promise<void> {
  const entries = new Map<number, Entry>();
  let index = 0;
  async function add(line: BatchLine): Promise<void> {
    await results.append(line);
    progress.add(line);
  }
  async function* requests(): AsyncGenerator<GenerationRequest, void> {
    for await (const entry of entriesOf(file, results)) {
      if (results.isDone(entry)) continue;
      if (entry.request === null) {
        await add(lineOf(entry, { code: 'invalid_line', message: entry.reason ?? '' }));
        continue;
      }
      entries.set(index, entry);
      index += 1;
      yield entry.request;
    }
  }
  const client = context.clientFor(retryForMs, (reason) => progress.note(reason));
  const keyOf = (_: GenerationRequest, at: number): string => entries.get(at)?.key ?? '';
  for await (const result of client.batch(requests(), { concurrency, keyOf, signal: context.interrupted })) {
    const entry = entries.get(result.index);
    if (entry === undefined) continue;
    entries.delete(result.index);
    await add(lineOf(entry, result));
  }
}

function lineOf(
  { line, key, customId, request }: Entry,
  result: BatchResult | { readonly code: string; readonly message: string },
): BatchLine {
  const isResult = 'index' in result;
  const job = isResult ? result.job : null;
  const error = isResult ? (result.error ?? job?.error ?? null) : result;
  return {
    line,
    key,
    custom_id: customId,
    status: job?.status ?? 'refused',
    job_id: job?.id ?? null,
    prompt: request?.prompt ?? null,
    generated_text: job?.output?.generated_text ?? null,
    finish_reason: job?.output?.finish_reason ?? null,
    seed: job?.seed ?? null,
    usage: job?.usage ?? null,
    error: error === null ? null : { code: error.code, message: error.message },
  };
}

interface Line {
  readonly number: number;
  readonly text: string;
}

/** @throws {UsageError} for a line that is no request, before it is whole: the file may be one of something else */
async function* linesOf(file: string): AsyncGenerator<Line, void> {
  let number = 0;
  try {
    for await (const text of splitLines(readUtf8(createReadStream(file), file), longestLine)) {
      number += 1;
      yield { number, text };
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const reason = `Line ${number + 1} of ${file} has more than ${longestLine} characters, and no request has so many.`;
    throw new UsageError(reason, { cause: error });
  }
}

const isEmpty = ({ text }: Line): boolean => text.trim() === '';

async function measure(file: string): Promise<FileSize> {
  let [total, lastLine] = [0, 0];
  for await (const line of linesOf(file)) {
    if (isEmpty(line)) continue;
    total += 1;
    lastLine = line.number;
  }
  if (total === 0) throw new UsageError(`${file} has no lines.`);
  return { total, lastLine };
}

async function* entriesOf(file: string, results: ResultsFile): AsyncGenerator<Entry, void> {
  for await (const line of linesOf(file)) {
    const { number, text } = line;
    if (!isEmpty(line)) yield { line: number, key: results.keyOf(number, text), ...parseLine(text) };
    else results.requireNone(number);
  }
}

type ParsedLine = Pick<Entry, 'customId' | 'request' | 'reason'>;

const refused = (reason: string): ParsedLine => ({ customId: null, request: null, reason });

function parseLine(text: string): ParsedLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refused('The line is not JSON.');
  }
  if (typeof value === 'string') return { customId: null, request: { prompt: value }, reason: null };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused('The line is neither a prompt nor an object.');
  }
  const { custom_id: customId = null, ...request } = value as Readonly<Record<string, unknown>>;
  if (customId !== null && typeof customId !== 'string') return refused('custom_id must be a string.');
  // The service checks the rest.
  return { customId, request: request as unknown as GenerationRequest, reason: null };
}
