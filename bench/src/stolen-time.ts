/** The time that the host gives to other machines while this one wants it, from Linux's /proc/stat. */
import { readFileSync } from 'node:fs';
import { sum } from './statistics.ts';

/** @returns a function that gives the stolen share of the cores' busy time since this call, 0 to 1; 0 without /proc */
export function watchStolenTime(readStat = readProcStat): () => number {
  const before = timesIn(readStat());
  return () => {
    const now = timesIn(readStat());
    const [busy, stolen] = [now.busy - before.busy, now.stolen - before.stolen];
    return busy > 0 ? stolen / busy : 0;
  };
}

interface CoreTimes {
  /** Ticks of all cores in which they worked, or would have worked if they had not been stolen. */
  readonly busy: number;
  readonly stolen: number;
}

/** @see proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal */
function timesIn(stat: string): CoreTimes {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] =
    /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number) ?? [];
  return { busy: sum([user, nice, system, irq, softirq, stolen]), stolen };
}

function readProcStat(): string {
  try {
    return readFileSync('/proc/stat', 'utf8');
  } catch {
    return '';
  }
}
