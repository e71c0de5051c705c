/** The exit codes of the command line, and the errors that lead to them. */
import { CommanderError } from 'commander';
import { isRefusal, UnsendableRequest } from '../errors.ts';
import { ProsemillError } from '../index.ts';

export const exitCodes = {
  done: 0,
  /** A bug, or a file that cannot be read or written. */
  failed: 1,
  usage: 2,
  /** The service refused the request, and would do so again, or cannot meet its times. */
  refused: 3,
  /** The service does not answer, or has no room, for longer than requests are repeated. */
  unavailable: 4,
  /** The answer is there, but it is bad: a job without its text, another text, a degraded service. */
  bad: 5,
  interrupted: 130,
  terminated: 143,
} as const;

/** Wrong arguments, or a wrong file. */
export class UsageError extends Error {}

/** A bad answer that was shown already. */
export class BadAnswer extends Error {}

/** The reader of the output has closed it. */
export class OutputClosed extends Error {}

export function exitCodeOf(error: unknown): number {
  if (error instanceof OutputClosed) return exitCodes.done;
  if (error instanceof BadAnswer) return exitCodes.bad;
  if (error instanceof UsageError || error instanceof UnsendableRequest) return exitCodes.usage;
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (!(error instanceof ProsemillError)) return exitCodes.failed;
  if (error.jobId !== null) return exitCodes.bad;
  return isRefusal(error) ? exitCodes.refused : exitCodes.unavailable;
}
