#!/usr/bin/env node
/** The command line `prosemill`. */
import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { ProsemillError } from '../index.ts';
import { readCommandConfig } from './config.ts';
import { BadAnswer, exitCodeOf, exitCodes, OutputClosed } from './exit-codes.ts';
import { openOutput, type Output } from './output.ts';
import { createProgram } from './program.ts';

const codeOfSignal = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated } as const;

async function main(args: readonly string[]): Promise<void> {
  const config = readCommandConfig();
  const end = args.indexOf('--');
  // Errors of the arguments themselves are written in the same form.
  const isJson = args.slice(0, end === -1 ? args.length : end).includes('--json');
  const output = openOutput({ isColourless: config.isColourless, isJson });
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // A second signal does not wait for anything.
      if (interrupted.signal.aborted) process.exit(codeOfSignal[signal]);
      process.exitCode = codeOfSignal[signal];
      interrupted.abort(new Error(`interrupted by ${signal}`));
    });
  }
  try {
    await createProgram({ config, output, interrupted: interrupted.signal }, readVersion()).parseAsync(args);
  } catch (error) {
    if (interrupted.signal.aborted) return;
    process.exitCode = exitCodeOf(error);
    report(error, output);
  }
}

/** Errors go to standard error: for people as a line, for programs as JSON. */
function report(error: unknown, { note, isJson }: Output): void {
  // A bad answer is shown already. Commander prints its errors for people, and help is none.
  if (error instanceof BadAnswer || error instanceof OutputClosed) return;
  if (error instanceof CommanderError && (!isJson || error.exitCode === 0)) return;
  const message = messageOf(error);
  const { code, problem = null, jobId = null } = error instanceof ProsemillError ? error : { code: codeOf(error) };
  note(`prosemill: ${message}`, { error: { code, message, job_id: jobId, problem } });
}

const codeOf = (error: unknown): string => (exitCodeOf(error) === exitCodes.usage ? 'usage' : 'error');

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isHelp = error instanceof CommanderError && error.code === 'commander.help';
  return isHelp ? 'There is no command.' : error.message.replace(/^error: /, '');
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

await main(process.argv);
// Requests that nobody waits for any more would hold the process.
process.exit();
