/** CPU times of processes, from Linux's /proc. */
import { readFileSync } from 'node:fs';
import { childProcesses } from '@prosemill/testkit';
import { sum } from './statistics.ts';

/** The unit of /proc/PID/stat on every Linux that Node supports. */
const ticksPerSecond = 100;

/** CPU time of a process and its children so far, those that have ended included. */
export function cpuSecondsOf(pid: number): number {
  const ended = sum(timesOf(pid));
  const running = childProcesses(pid).map((child) => sum(timesOf(child.pid)));
  return (ended + sum(running)) / ticksPerSecond;
}

/** Ticks: its own in user and system mode, and those of its ended children. All 0 when it has ended meanwhile. */
function timesOf(pid: number): readonly number[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold any character. The third field comes after it, the times begin with the 14th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).map(Number);
  } catch {
    return [];
  }
}
