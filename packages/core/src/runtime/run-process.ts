/** The life of a process: start, run until a signal, stop in order, and exit codes that say how it went. */
import { OutputClosedError, UsageError } from './command-line.ts';
import { errorLine, errorStack } from '../errors.ts';
import { ConfigError } from './read-config.ts';
import { flushOutput, tolerateFailures } from './standard-streams.ts';

/**
 * SIGHUP comes when a terminal is closed or its connection ends; SIGQUIT from some supervisors, and from Ctrl-\.
 * `nohup` does not keep SIGHUP off: Node takes signals back that it was started to ignore.
 */
export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
export type StopSignal = (typeof stopSignals)[number];

/** A process that is up. */
export interface RunningProcess {
  /** Rejects when the process cannot go on; never resolves. */
  readonly failed: Promise<never>;
  /** What running work may take when it is stopped, besides the closing. Default 0. */
  readonly graceMs?: number;
  /** Hands over and closes; called once. */
  stop(signal: StopSignal): Promise<void>;
}

/** A closing that hangs is cut off. */
const stopLimitMs = 60_000;

/**
 * Runs `start`, then waits for a signal and stops: exit code 0. A signal during the start aborts it. A second signal, a bug or a
 * start that fails exits with 1 at once; work that was cut off so is picked up again when its lease is over.
 */
export async function runProcess(start: (aborted: AbortSignal) => Promise<RunningProcess>): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) tolerateFailures(stream);
  // Node itself would print all that the error carries.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`prosemill: ${errorStack(error)}\n`);
    process.exit(1);
  });
  const aborted = new AbortController();
  const signal = new Promise<StopSignal>((resolve) => {
    let received = false;
    for (const name of stopSignals) {
      process.on(name, () => {
        // A terminal that goes away says so twice: its shell to each job, and the kernel to the foreground.
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

/** Says in a line, or a list, why the process cannot go on, and exits with 1, or with 2 for wrong arguments. Quietly where nobody reads the output any more. */
export function exitWith(error: unknown): never {
  if (error instanceof OutputClosedError) process.exit(0);
  const isList = error instanceof ConfigError || error instanceof UsageError;
  process.stderr.write(`${isList ? error.message : `prosemill: ${errorLine(error)}`}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
