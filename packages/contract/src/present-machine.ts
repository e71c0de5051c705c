/** The machine as clients see it. */
import {
  byEndedStatus,
  type EndedStatus,
  type LevelName,
  type LiveWorker,
  type MeasuredTime,
  type PriorityClass,
  type SlotState,
} from '@prosemill/core';
import { presentWorker } from './present-worker.ts';
import type { MachineBody, MachineHistoryBody } from './routes/machine.ts';

export interface Quantiles<Value> {
  readonly p50: Value;
  readonly p95: Value;
  readonly p99: Value;
}

export type Latency<Value> = Readonly<Record<MeasuredTime, Quantiles<Value>>>;

/** The queue of all owners. */
export interface MachineQueue {
  readonly byClass: ReadonlyMap<PriorityClass, number>;
  readonly running: number;
  /** Null when no job waits. */
  readonly oldestMs: number | null;
  readonly isPaused: boolean;
  readonly limit: number;
}

export interface JobRates {
  readonly accepted: number;
  /** Submits that found no room in the queue. */
  readonly refused: number;
  readonly ended: Readonly<Record<EndedStatus, number>>;
}

/** The machine at a moment. Null where the database does not answer. */
export interface MachineState {
  readonly now: Date;
  readonly problems: readonly string[];
  readonly workers: readonly LiveWorker[];
  readonly queue: MachineQueue | null;
  /** Jobs a second. */
  readonly rates: JobRates | null;
  readonly latency: Latency<number | null> | null;
  /** Shares of the true time. */
  readonly estimateError: Quantiles<number | null> | null;
}

/** The values of the past, one for each second, of `historySeconds`. */
export interface MachineHistory {
  /** The end of the last second. */
  readonly until: Date;
  readonly levelOf: (level: LevelName) => readonly number[];
  /** Jobs a second, over the last minute of each second. */
  readonly ratesOf: (type: 'accepted' | EndedStatus) => readonly number[];
  readonly latency: Latency<readonly (number | null)[]>;
}

/** @param ownerId  Shown only the ids of its own jobs. */
export function presentMachine(state: MachineState, ownerId: string): MachineBody {
  const { queue, rates, latency, estimateError } = state;
  return {
    now: state.now.toISOString(),
    status: state.problems.length === 0 ? 'healthy' : 'degraded',
    problems: [...state.problems],
    queue: queue && {
      callers: queue.byClass.get(0) ?? 0,
      normal: queue.byClass.get(1) ?? 0,
      low: queue.byClass.get(2) ?? 0,
      running: queue.running,
      oldest_age_s: queue.oldestMs === null ? null : round(queue.oldestMs / 1_000),
      paused: queue.isPaused,
      limit: queue.limit,
    },
    workers: state.workers.map((worker) => presentMachineWorker(worker, ownerId)),
    rates: rates && {
      tokens: tokensOf(state.workers),
      accepted: round(rates.accepted),
      refused: round(rates.refused),
      ended: byEndedStatus((status) => round(rates.ended[status])),
    },
    latency: latency && presentLatency(latency, roundOrNull),
    estimate_error: estimateError && presentQuantiles(estimateError, roundOrNull),
  };
}

function presentMachineWorker(worker: LiveWorker, ownerId: string): MachineBody['workers'][number] {
  const { activity } = worker;
  return {
    ...presentWorker(worker),
    model: worker.model,
    tokens_per_second: roundOrNull(activity?.tokensPerSecond ?? null),
    slot_states: activity?.slots.map((slot) => slot && presentSlot(slot, ownerId)) ?? null,
  };
}

const presentSlot = ({ jobId, ownerId, tokens, limit }: SlotState, ofOwner: string) => ({
  tokens,
  limit,
  phase: tokens === 0 ? ('prompt' as const) : ('writing' as const),
  job_id: ownerId === ofOwner ? jobId : null,
});

/** The sum over the workers that report a rate; null if none does. */
function tokensOf(workers: readonly LiveWorker[]): number | null {
  const rates = workers.flatMap(({ activity }) => activity?.tokensPerSecond ?? []);
  return rates.length === 0 ? null : round(rates.reduce((sum, rate) => sum + rate, 0));
}

/** @param seconds  At most `historySeconds`. */
export function presentMachineHistory(history: MachineHistory, seconds: number): MachineHistoryBody {
  const level = (name: LevelName): number[] => history.levelOf(name).slice(-seconds).map(round);
  const rates = (type: 'accepted' | EndedStatus): number[] => history.ratesOf(type).slice(-seconds).map(round);
  return {
    from: new Date(history.until.getTime() - 1_000 * seconds).toISOString(),
    step_s: 1,
    queue: { callers: level(0), normal: level(1), low: level(2), running: level('running') },
    rates: { tokens: level('tokens'), accepted: rates('accepted'), ended: byEndedStatus(rates) },
    latency: presentLatency(history.latency, (values) => values.slice(-seconds).map(roundOrNull)),
  };
}

/** The same keys with presented values. */
const presentLatency = <Value, Presented>(
  { queue, firstToken, total }: Latency<Value>,
  present: (value: Value) => Presented,
) => {
  const quantiles = (values: Quantiles<Value>) => presentQuantiles(values, present);
  return { queue_ms: quantiles(queue), first_token_ms: quantiles(firstToken), total_ms: quantiles(total) };
};

const presentQuantiles = <Value, Presented>(
  { p50, p95, p99 }: Quantiles<Value>,
  present: (value: Value) => Presented,
) => ({ p50: present(p50), p95: present(p95), p99: present(p99) });

/** Two decimals: no chart shows more. */
const round = (value: number): number => Math.round(100 * value) / 100;
const roundOrNull = (value: number | null): number | null => (value === null ? null : round(value));
