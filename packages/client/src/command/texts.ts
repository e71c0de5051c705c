/** The commands for one text or job. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endingError, UnsendableRequest } from '../errors.ts';
import { newIdempotencyKey } from '../idempotency-key.ts';
import { type GenerationRequest, type Job, ProsemillError, type StreamEvent } from '../index.ts';
import type { Context } from './context.ts';
import { BadAnswer, exitCodes } from './exit-codes.ts';
import { localArguments } from './request-options.ts';

/** There only in a checkout of the repository. */
const localProgram = fileURLToPath(new URL('../../../../apps/standalone/src/generate.ts', import.meta.url));
const repository = dirname(dirname(dirname(dirname(localProgram))));
const cancelLimitMs = 5_000;

/** Generates a text; on a terminal it appears as it is written. Ctrl-C cancels the job. */
export async function generate(context: Context, request: GenerationRequest): Promise<void> {
  const { client, interrupted, output, isJson } = context;
  if (!context.hasUrl && existsSync(localProgram) && !(await isThere(context)))
    return await generateHere(context, request);
  const idempotencyKey = newIdempotencyKey();
  const known: { job: Job | null } = { job: null };
  try {
    const events = noteJob(client.stream(request, { signal: interrupted, idempotencyKey }), known);
    if (isJson) return await output.writeJson(await endOf(events));
    const job = await show(context, events);
    reportEnd(context, job);
  } catch (error) {
    const isOver = error instanceof ProsemillError || error instanceof UnsendableRequest || hasEnded(known.job);
    // Nobody else knows of the job.
    if (!isOver) await cancelJobOf(context, known.job?.id ?? { request, idempotencyKey });
    throw error;
  }
}

async function* noteJob(
  events: AsyncIterable<StreamEvent>,
  known: { job: Job | null },
): AsyncGenerator<StreamEvent, void> {
  for await (const event of events) {
    if ('job' in event) known.job = event.job;
    yield event;
  }
}

const hasEnded = (job: Job | null): boolean => job !== null && job.finished_at !== null;

interface Submit {
  readonly request: GenerationRequest;
  readonly idempotencyKey: string;
}

/** @param source  The id; or the submit whose answer may be under way: the same one again gives the job. */
async function cancelJobOf({ client, output }: Context, source: string | Submit): Promise<void> {
  const signal = AbortSignal.timeout(cancelLimitMs);
  try {
    const id = typeof source === 'string' ? source : (await client.submit(source.request, { ...source, signal })).id;
    const job = await client.cancel(id, { signal });
    // It may have ended before.
    if (job.status === 'canceled' || !hasEnded(job)) output.note(`Canceled the job ${id}.`);
  } catch {
    output.note('The service does not answer, so the job may go on.');
  }
}

/** @throws {ProsemillError} for a job without its whole text */
async function endOf(events: AsyncIterable<StreamEvent>): Promise<Job> {
  for await (const event of events) {
    if (event.type !== 'completed') continue;
    if (event.job.status !== 'succeeded') throw endingError(event.job);
    return event.job;
  }
  throw new Error('The stream has no end.');
}

async function isThere({ clientFor, interrupted }: Context): Promise<boolean> {
  try {
    await clientFor(0).health({ signal: interrupted });
    return true;
  } catch (error) {
    if (error instanceof ProsemillError && error.code === 'no_answer') return false;
    throw error;
  }
}

/** Runs `pnpm generate`, which needs no service. */
async function generateHere({ output, url, isJson, interrupted }: Context, request: GenerationRequest): Promise<void> {
  if (isJson) {
    const hint = { shouldRetry: true, afterMs: null };
    throw new ProsemillError('no_answer', `There is no service at ${url}, and --json needs one.`, { hint });
  }
  output.note(`There is no service at ${url}: the text is generated here, as by pnpm generate.`);
  const args = [localProgram, ...localArguments(request)];
  const child = spawn(process.execPath, args, { cwd: repository, stdio: 'inherit' });
  // Ctrl-C reaches the child from the terminal.
  process.on('SIGTERM', () => child.kill());
  const [code] = (await once(child, 'exit')) as [number | null];
  if (!interrupted.aborted) process.exitCode = code ?? exitCodes.failed;
}

/** Shows the text of a job as it is written. Ctrl-C leaves the job. */
export async function watch(context: Context, id: string): Promise<void> {
  const { client, interrupted, output, isJson } = context;
  const events = client.stream(id, { signal: interrupted });
  if (!isJson) return reportEnd(context, await show(context, events));
  for await (const event of events) {
    await output.writeJson(event);
    if (event.type === 'completed') requireText(event.job);
  }
}

/** Prints prompt and text: live on a terminal, else at the end, when it cannot change any more. */
async function show({ output, interrupted }: Context, events: AsyncIterable<StreamEvent>): Promise<Job> {
  let hasPrompt = false;
  for await (const event of events) {
    interrupted.throwIfAborted();
    const { type, completion } = event;
    if (type === 'reset' && output.isTerminal) {
      output.note('\nThe job runs again, and writes another text.');
      hasPrompt = false;
    }
    if (type === 'token' && output.isTerminal) await output.writeText(event.text);
    if (type === 'status' && output.isTerminal && !hasPrompt) {
      await output.writeText(event.job.prompt);
      hasPrompt = true;
    }
    if (type !== 'completed') continue;
    if (!output.isTerminal) await output.write(event.job.prompt + completion);
    await output.write('\n');
    return event.job;
  }
  throw new Error('The stream has no end.');
}

/** Prints the texts of jobs when they have ended. Ctrl-C leaves the jobs. */
export async function wait(context: Context, ids: readonly string[]): Promise<void> {
  const { client, interrupted, output, isJson } = context;
  const waits = await Promise.allSettled(ids.map(async (id) => await client.wait(id, { signal: interrupted })));
  const jobs = waits.flatMap((ended) => (ended.status === 'fulfilled' ? [ended.value] : []));
  for (const job of jobs) {
    if (isJson) await output.writeJson(job);
    else if (job.output !== null) await output.writeText(`${job.output.generated_text}\n`);
    if (job.status !== 'succeeded')
      output.note(`The job ${job.id} is ${job.status}: ${job.error?.message ?? 'no text'}`);
  }
  // The texts of the others are printed already.
  for (const ended of waits) if (ended.status === 'rejected') throw ended.reason as Error;
  for (const job of jobs) requireText(job);
}

export async function verify({ client, interrupted, output, isJson }: Context, id: string): Promise<void> {
  const verification = await client.verify(id, { signal: interrupted });
  if (isJson) await output.writeJson(verification);
  else await output.write(`${verification.match ? 'identical' : 'different'}  sha256 ${verification.output_sha256}\n`);
  if (!verification.match) throw new BadAnswer();
}

function reportEnd({ output }: Context, job: Job): void {
  const { model, usage, seed, output: text, status } = job;
  const tokens = usage === null ? '' : `, ${usage.prompt_tokens} + ${usage.completion_tokens} tokens`;
  const end = text === null ? status : `finish reason ${text.finish_reason}`;
  const line = `[${model?.name ?? 'no model'}${tokens}, seed ${seed}, ${end}, job ${job.id}]`;
  (status === 'succeeded' ? output.remark : output.note)(line);
  requireText(job);
}

function requireText({ status }: Job): void {
  if (status !== 'succeeded') throw new BadAnswer();
}
