/** The life of a process: start, run until a signal, stop in order, and exit codes that say how it went. */
import { OutputClosedError, UsageError } from './command-line.ts';
import { errorLine, errorStack } from '../errors.ts';
import { ConfigError } from './read-config.ts';
import { flushOutput, tolerateFailures } from './standard-streams.ts';

/**
 * SIGHUP: a terminal was closed, or its connection ended. SIGQUIT: from some supervisors, and Ctrl-\.
 * `nohup` does not keep SIGHUP away: Node also handles signals that the process was started to ignore.
 */
export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
export type StopSignal = (typeof stopSignals)[number];

export interface RunningProcess {
  /** Rejects when the process cannot go on; never resolves. */
  readonly failed: Promise<never>;
  /** Time that `stop` gives to running work before it closes the process. Default 0. */
  readonly graceMs?: number;
  /** Hands over and closes; called once. */
  stop(signal: StopSignal): Promise<void>;
}

/** A stop that takes longer than this, after the grace, hangs: the process exits with 1. */
const stopLimitMs = 60_000;

/**
 * Runs `start`, waits for a signal, and stops in order: exit code 0. A signal during the start aborts it. A second
 * signal, a bug, or a start that fails exits with 1 at once; jobs that are cut off run again when their leases are
 * over.
 */
export async function runProcess(start: (aborted: AbortSignal) => Promise<RunningProcess>): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) tolerateFailures(stream);
  // Node itself would print all properties of the error, and those of Postgres hold rows with prompts.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`prosemill: ${errorStack(error)}\n`);
    process.exit(1);
  });
  const aborted = new AbortController();
  const signal = new Promise<StopSignal>((resolve) => {
    let received = false;
    for (const name of stopSignals) {
      process.on(name, () => {
        // A closed terminal sends SIGHUP twice: its shell to each job, and the kernel to the foreground.
        if (received && name === 'SIGHUP') return;
        if (received) process.exit(1);
        received = true;
        resolve(name);
        aborted.abort(new Error(`stopped by ${name}`));
      });
    }
  });
  try {
    const running = await start(aborted.signal);
    const received = await Promise.race([signal, running.failed]);
    setTimeout(() => process.exit(1), (running.graceMs ?? 0) + stopLimitMs).unref();
    await running.stop(received);
  } catch (error) {
    if (!aborted.signal.aborted || error !== aborted.signal.reason) {
      await flushOutput();
      exitWith(error);
    }
  }
  await flushOutput();
  process.exit(0);
}

/** Prints the reason and exits: with 2 for wrong arguments, silently with 0 for a closed output, else with 1. */
export function exitWith(error: unknown): never {
  if (error instanceof OutputClosedError) process.exit(0);
  const isList = error instanceof ConfigError || error instanceof UsageError;
  process.stderr.write(`${isList ? error.message : `prosemill: ${errorLine(error)}`}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
