/** Commands of a terminal: their arguments, and what they print. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { tolerateFailures } from './standard-streams.ts';

/** The arguments are not usable: exit code 2, as with other commands. */
export class UsageError extends Error {
  /** @param problems  A line each; none where the usage alone says it. */
  constructor(problems: readonly string[], usage: string) {
    super([...problems, usage].join('\n'));
    this.name = 'UsageError';
  }
}

/** The reader of standard output has what it wants, as `head` does, and closes it. */
export class OutputClosedError extends Error {
  constructor(cause: unknown) {
    super('standard output was closed', { cause });
    this.name = 'OutputClosedError';
  }
}

/** As node:util's `parseArgs`. @throws {UsageError} for arguments that it does not take */
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
 * Writes to standard output, and resolves when the text is out of this process.
 * @throws {OutputClosedError} when nobody reads any more
 * @throws {Error} when it cannot be written, as on a full disk
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
