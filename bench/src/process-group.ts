/** A program and all processes that it starts, which are suspended and ended together. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';

export interface ProcessGroup {
  readonly child: ChildProcess;
  /** Stops the processes until `resume`. They keep their memory and take no processor time. */
  suspend(): void;
  resume(): void;
  hasEnded(): boolean;
  /** Kills the processes, and waits until the program is gone. Idempotent. */
  end(): Promise<void>;
}

const groups = new Set<number>();
let endsWithProcess = false;

/** @throws {Error} when the program cannot be started */
export async function startGroup(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<ProcessGroup> {
  endGroupsWithProcess();
  const child = spawn(program, args, { ...options, detached: true });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  groups.add(pid);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    child,
    suspend: () => signal(pid, 'SIGSTOP'),
    resume: () => signal(pid, 'SIGCONT'),
    hasEnded,
    async end() {
      const exited = hasEnded() ? null : once(child, 'exit');
      signal(pid, 'SIGKILL');
      groups.delete(pid);
      await exited;
    },
  };
}

/** A group does not end with the terminal's Ctrl+C, and a suspended process would stay forever. */
function endGroupsWithProcess(): void {
  if (endsWithProcess) return;
  endsWithProcess = true;
  process.once('exit', () => groups.forEach((pid) => signal(pid, 'SIGKILL')));
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1));
}

/** A group that has ended by itself gets no signal. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
