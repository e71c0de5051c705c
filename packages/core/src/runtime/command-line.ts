/** Command lines: arguments and output. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { tolerateFailures } from './standard-streams.ts';

/** Wrong arguments. The process exits with 2, as other commands do. */
export class UsageError extends Error {
  /** @param problems  A line each; may be empty. */
  constructor(problems: readonly string[], usage: string) {
    super([...problems, usage].join('\n'));
    this.name = 'UsageError';
  }
}

/** The reader of standard output closed it, as `head` does when it has enough. */
export class OutputClosedError extends Error {
  constructor(cause: unknown) {
    super('standard output was closed', { cause });
    this.name = 'OutputClosedError';
  }
}

/** `parseArgs` of node:util. @throws {UsageError} for unknown or malformed arguments */
export function readArguments<Config extends ParseArgsConfig>(
  config: Config,
  usage: string,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError([error instanceof Error ? error.message : String(error)], usage);
  }
}

/**
 * Writes to standard output, and resolves when the text has left this process.
 * @throws {OutputClosedError} when the reader is gone
 * @throws {Error} when the text cannot be written, as on a full disk
 */
export async function print(text: string): Promise<void> {
  tolerateFailures(process.stdout);
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error == null) resolve();
      else if ('code' in error && error.code === 'EPIPE') reject(new OutputClosedError(error));
      else reject(new Error('standard output cannot be written', { cause: error }));
    });
  });
}
