/** The memory of this process after a garbage collection. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface Memory {
  /** MiB in use in JavaScript and its buffers. */
  readonly used: number;
  /** MiB that the process holds. */
  readonly resident: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export function measureMemory(): Memory {
  collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: Math.round((heapUsed + external) / 2 ** 20), resident: Math.round(rss / 2 ** 20) };
}
