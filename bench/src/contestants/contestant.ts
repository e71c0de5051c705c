/** The engines that are compared. Each runs in a process of its own, with the same weights. */
import { fork, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Work, WorkResult } from '../work.ts';

export interface Contestant {
  readonly name: string;
  /** Does all of the work, with `inFlight` texts at a time if the engine can. */
  run(work: readonly Work[], inFlight: number): Promise<WorkResult>;
  stop(): Promise<void>;
}

export interface Task {
  readonly work: readonly Work[];
  readonly inFlight: number;
}

export type Reply = { readonly result: WorkResult } | { readonly error: string };

/**
 * Starts a contestant's process.
 * @param file  The name of a file in this folder that calls `serve`.
 * @throws {Error} with the error of the process when it cannot start
 */
export async function forkContestant(
  name: string,
  file: string,
  args: readonly string[],
  options: ForkOptions = {},
): Promise<Contestant> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: [], ...options });
  const exited = once(child, 'exit');

  async function receive(): Promise<WorkResult> {
    const reply = await Promise.race([
      once(child, 'message').then(([message]) => message as Reply),
      exited.then(([code, signal]): Reply => ({ error: `its process ended with ${String(signal ?? code)}` })),
    ]);
    if ('error' in reply) throw new Error(`${name}: ${reply.error}`);
    return reply.result;
  }

  await receive();
  return {
    name,
    async run(work, inFlight) {
      child.send({ work, inFlight } satisfies Task);
      return await receive();
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
