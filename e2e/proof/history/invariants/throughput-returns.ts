/** I8: 60 s after healing (`recoverWithinMs`), throughput is at least 90 % of before. */
import type { IndexedHistory } from '../index-history.ts';

const leastShare = 0.9;

export function checkThroughput({ throughputs, faults, limits }: IndexedHistory): readonly string[] {
  if (throughputs.length === 0) return [];
  const starts = faults.filter(({ type }) => type === 'fault-start').map(({ atMs }) => atMs);
  const heals = faults.filter(({ type }) => type === 'fault-healed').map(({ atMs }) => atMs);
  if (starts.length === 0) return [];
  const judgedFromMs = Math.max(...heals) + limits.recoverWithinMs;
  const before = rateOf(throughputs.filter(({ atMs }) => atMs <= Math.min(...starts)));
  const after = rateOf(throughputs.filter(({ startedAtMs }) => startedAtMs >= judgedFromMs));
  if (before === null) return ['throughput was not measured before the first fault'];
  if (heals.length === 0 || after === null) {
    return [`throughput was not measured ${limits.recoverWithinMs} ms after the last fault was healed`];
  }
  return after < leastShare * before
    ? [`throughput is ${after.toFixed(2)} jobs a second after healing, and was ${before.toFixed(2)} before`]
    : [];
}

/** Jobs per second over all windows; null without windows. */
function rateOf(windows: IndexedHistory['throughputs']): number | null {
  const ms = windows.reduce((sum, { atMs, startedAtMs }) => sum + atMs - startedAtMs, 0);
  const jobs = windows.reduce((sum, { finishedJobs }) => sum + finishedJobs, 0);
  return ms === 0 ? null : (jobs * 1_000) / ms;
}
