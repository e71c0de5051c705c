/** A thread of the barrier's test. */
import { isMainThread, workerData } from 'node:worker_threads';
import { type Kernel, openKernel } from './index.ts';

interface Rounds {
  readonly kernel: Kernel;
  readonly state: number;
  /** The finished rounds of each thread. */
  readonly finished: Int32Array;
  /** For each thread, how often another one was in another round behind a barrier. */
  readonly wrong: Int32Array;
  readonly threads: number;
  readonly rounds: number;
  readonly own: number;
}

export function runRounds({ kernel, state, finished, wrong, threads, rounds, own }: Rounds): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let round = 1; round <= rounds; round += 1) {
    // Now and then a thread is so late that the others sleep.
    if (round % 500 === 100 * own) Atomics.wait(pause, 0, 0, 2);
    finished[own] = round;
    kernel.barrier(state, threads);
    wrong[own] = (wrong[own] ?? 0) + finished.filter((count) => count !== round).length;
    kernel.barrier(state, threads);
  }
}

// Vitest's workers are threads too.
if (!isMainThread && workerData !== null && 'rounds' in workerData) {
  const given = workerData as Omit<Rounds, 'kernel'> & { readonly memory: WebAssembly.Memory };
  runRounds({ ...given, kernel: openKernel(given.memory) });
}
