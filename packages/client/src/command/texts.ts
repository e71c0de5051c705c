/** The commands for one text or job. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endingError } from '../errors.ts';
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
  const made: MadeJob = { id: null };
  try {
    const events = noteId(client.stream(request, { signal: interrupted }), made);
    if (isJson) return await output.writeJson(await endOf(events));
    const job = await show(context, events);
    reportEnd(context, job);
  } catch (error) {
    const { id } = made;
    if (id !== null && !(error instanceof ProsemillError) && !(error instanceof BadAnswer)) {
      // Nobody else knows of this job.
      await client.cancel(id, { signal: AbortSignal.timeout(cancelLimitMs) });
      output.note(`Canceled the job ${id}.`);
    }
    throw error;
  }
}

interface MadeJob {
  id: string | null;
}

/** Notes the job of a request before its end, so that it can be canceled. */
async function* noteId(events: AsyncIterable<StreamEvent>, made: MadeJob): AsyncGenerator<StreamEvent, void> {
  for await (const event of events) {
    if (event.type === 'status') made.id = event.job.id;
    yield event;
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
  if (isJson) throw new ProsemillError('no_answer', `There is no service at ${url}, and --json needs one.`);
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
  const jobs = await Promise.all(ids.map(async (id) => await client.wait(id, { signal: interrupted })));
  for (const job of jobs) {
    if (isJson) await output.writeJson(job);
    else if (job.output !== null) await output.writeText(`${job.output.generated_text}\n`);
    if (job.status !== 'succeeded')
      output.note(`The job ${job.id} is ${job.status}: ${job.error?.message ?? 'no text'}`);
  }
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
