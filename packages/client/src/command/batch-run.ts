/**
 * `prosemill batch run`: the requests of a file, with a bounded number of jobs under way. Each line has an
 * Idempotency-Key made of the results file, its number and its content. So a run that was killed joins the jobs that it
 * left, and its results file, which only grows, tells which lines are done.
 */
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { BatchResult, GenerationRequest } from '../index.ts';
import type { Context } from './context.ts';
import { BadAnswer, UsageError } from './exit-codes.ts';
import { BatchProgress } from './batch-progress.ts';
import { lockFile } from './lock-file.ts';
import { readLines } from './read-lines.ts';
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

/** A day: a service that is away for long is waited for. Ctrl-C ends the run, which can go on later. */
const retryForMs = 86_400_000;

export async function runBatchFile(context: Context, options: BatchRunOptions): Promise<void> {
  const resultsPath = join(await realpath(dirname(options.resultsFile)), basename(options.resultsFile));
  // Before anything is made beside a file that is not there.
  const total = await countEntries(options.file);
  const unlock = await lockFile(`${resultsPath}.lock`);
  try {
    const results = await ResultsFile.open(resultsPath);
    await performAll(context, options, { results, resultsPath, total });
    await report(context, { total, results, path: options.resultsFile });
  } finally {
    await unlock();
  }
}

interface Run {
  readonly results: ResultsFile;
  readonly resultsPath: string;
  readonly total: number;
}

async function performAll(context: Context, options: BatchRunOptions, run: Run): Promise<void> {
  const { client, interrupted, output } = context;
  const { results, total } = run;
  const progress = new BatchProgress({ total, done: results.done.size, failed: results.failed, output });
  try {
    // A service that is not there at the start is a wrong address rather than an outage.
    await client.service({ signal: interrupted });
    progress.start();
    await performEntries(context, options, { ...run, progress });
  } finally {
    progress.stop();
    await results.close();
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
  { results, resultsPath, progress }: Run & { readonly progress: BatchProgress },
): Promise<void> {
  const entries = new Map<number, Entry>();
  let index = 0;
  async function add(line: BatchLine): Promise<void> {
    await results.append(line);
    progress.add(line);
  }
  async function* requests(): AsyncGenerator<GenerationRequest, void> {
    for await (const entry of entriesOf(file, resultsPath)) {
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

async function* linesOf(file: string): AsyncGenerator<{ readonly number: number; readonly text: string }, void> {
  let number = 0;
  for await (const text of readLines(file)) {
    number += 1;
    if (text.trim() !== '') yield { number, text };
  }
}

async function countEntries(file: string): Promise<number> {
  let count = 0;
  for await (const _ of linesOf(file)) count += 1;
  if (count === 0) throw new UsageError(`${file} has no lines.`);
  return count;
}

async function* entriesOf(file: string, resultsPath: string): AsyncGenerator<Entry, void> {
  for await (const { number, text } of linesOf(file)) {
    const hash = createHash('sha256').update(`${resultsPath}\0${number}\0${text}`).digest('hex');
    yield { line: number, key: `batch-${hash.slice(0, 40)}`, ...parseLine(text) };
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
