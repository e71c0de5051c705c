/** Facts of the machine that its body has in parts. */
import type { MachineBody } from '@prosemill/contract';
import type { MachineSeries } from './machine-series.ts';
import { judge, type Verdict } from './verdict.ts';

/** Jobs that wait; null: not known. */
export const waitingOf = ({ queue }: MachineBody): number | null =>
  queue === null ? null : queue.callers + queue.normal + queue.low;

const recentSeconds = 300;
const endings = ['succeeded', 'failed', 'canceled', 'expired'] as const;

/** @param series its numbers of ended jobs are those a minute */
export function verdictOf(body: MachineBody, series: MachineSeries): Verdict {
  const counts = endings.map((name) => (series.sum(name, recentSeconds) ?? 0) / 60);
  return judge({
    problems: body.problems,
    workers: body.workers,
    isPaused: body.queue?.paused ?? false,
    busySlots: body.queue?.running ?? 0,
    waiting: waitingOf(body) ?? 0,
    oldestAgeSeconds: body.queue?.oldest_age_s ?? null,
    firstTokenP95Ms: body.latency?.first_token_ms.p95 ?? null,
    recent: { ended: counts.reduce((sum, count) => sum + count, 0), failed: counts[1] ?? 0 },
  });
}
