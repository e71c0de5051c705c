/** The cores of processes. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** `shared`: all processes on all cores. `apart`: the worker on a core of its own, as on a machine of its own. */
export const placements = ['shared', 'apart'] as const;
export type Placement = (typeof placements)[number];

const cores = availableParallelism();
export const workerCore = '0';

/** Options of the worker's process. The number of threads of an engine follows the cores of its process. */
export const onWorkerCore = () => ({
  execPath: 'taskset',
  execArgv: ['-c', workerCore, process.execPath],
});

/** Leaves the core of the worker to it. The processes that this process starts from now on do so too. */
export const leaveWorkerCore = (): void => useCores(`1-${cores - 1}`);
export const useAllCores = (): void => useCores(`0-${cores - 1}`);

function useCores(list: string): void {
  execFileSync('taskset', ['-acp', list, String(process.pid)]);
}
