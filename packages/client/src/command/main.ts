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
  const output = openOutput(config.isColourless);
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
    report(error, output, args.includes('--json'));
  }
}

/** Errors go to standard error: for people as a line, for programs as JSON. */
function report(error: unknown, { note }: Output, isJson: boolean): void {
  // Commander has printed its own, and a bad answer is shown already.
  if (error instanceof CommanderError || error instanceof BadAnswer || error instanceof OutputClosed) return;
  const message = error instanceof Error ? error.message : String(error);
  if (!isJson) return note(`prosemill: ${message}`);
  const { code = 'error', problem = null, jobId = null } = error instanceof ProsemillError ? error : {};
  note(JSON.stringify({ error: { code, message, job_id: jobId, problem } }));
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

await main(process.argv);
// Requests that nobody waits for any more would hold the process.
process.exit();
