/**
 * The time that the host withholds from cores that have work, from Linux's /proc/stat: it runs other machines then, or
 * has not yet woken a core that slept.
 */
import { readFileSync } from 'node:fs';
import { sum } from './statistics.ts';

/**
 * @param core  The number of a core, or '' for all.
 * @returns a function that gives the stolen share of the busy time since this call, 0 to 1; 0 without /proc
 */
export function watchStolenTime(core = '', readStat = readProcStat): () => number {
  const before = timesOf(core, readStat());
  return () => {
    const now = timesOf(core, readStat());
    const [busy, stolen] = [now.busy - before.busy, now.stolen - before.stolen];
    return busy > 0 ? stolen / busy : 0;
  };
}

interface CoreTimes {
  /** Ticks in which they worked, or would have worked if they had not been stolen. */
  readonly busy: number;
  readonly stolen: number;
}

/** @see proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal */
function timesOf(core: string, stat: string): CoreTimes {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] =
    new RegExp(`^cpu${core} +(.*)$`, 'm').exec(stat)?.[1]?.split(' ').map(Number) ?? [];
  return { busy: sum([user, nice, system, irq, softirq, stolen]), stolen };
}

function readProcStat(): string {
  try {
    return readFileSync('/proc/stat', 'utf8');
  } catch {
    return '';
  }
}
