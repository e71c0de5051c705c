/** Processes of the command line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** The program's file. */
export const commandFile = fileURLToPath(new URL('../../packages/client/src/command/main.ts', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** The address of the service. */
  readonly url: string;
  /** Default: none. */
  readonly input?: string | Uint8Array;
}

export const commandEnvironment = (url: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  PROSEMILL_URL: url,
});

/** Starts a command; its output is in pipes. */
export function startCommand(args: readonly string[], { url, input = '' }: CommandOptions): ChildProcess {
  const child = spawn(process.execPath, [commandFile, ...args], { env: commandEnvironment(url) });
  child.stdin.end(input);
  return child;
}

/** Resolves when the command has ended, in whatever way. */
export async function endOf(child: ChildProcess): Promise<Ended> {
  if (child.stdout === null || child.stderr === null) throw new Error('The output must be in pipes.');
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
