/** A history, indexed for the invariants: calls with their endings, executions, rows by job. */
import { isTerminal, type JobEventType, type JobStatus } from '@prosemill/core';
import type {
  CallEnding,
  EventSnapshot,
  History,
  HistoryEntry,
  HistoryEvent,
  JobReading,
  JobSnapshot,
  Operation,
  RunLimits,
} from './history.ts';

export interface Call {
  readonly id: number;
  readonly client: string;
  readonly operation: Operation;
  readonly invokedAtMs: number;
  /** Infinity for a call that never ended. */
  readonly endedAtMs: number;
  readonly ending: CallEnding;
}

/** The state of a job in the answer to any call. */
export interface Reading {
  readonly call: Call;
  readonly job: JobReading;
  /** The version in the answer. If the answer has none: the last version for a terminal job, else null. */
  readonly version: number | null;
}

export interface Execution {
  readonly jobId: string;
  readonly attempt: number;
  readonly workerId: string;
  readonly startedAtMs: number;
  /** Taken from the log or the death of the worker; Infinity while neither is known. */
  readonly endedAtMs: number;
  /** The outcome that the database accepted; null: none, or unknown. */
  readonly outcome: string | null;
}

/** All facts about one job's row. */
export interface JobFacts {
  readonly row: JobSnapshot;
  /** Sorted by `seq`. */
  readonly events: readonly EventSnapshot[];
  /** The hashes of its generation records. */
  readonly recordHashes: readonly string[];
  readonly executions: readonly Execution[];
  /** Samples of its leases. */
  readonly leases: readonly EntryOf<'lease'>[];
}

type EntryOf<Type extends HistoryEvent['type']> = Extract<HistoryEntry, { type: Type }>;

export interface IndexedHistory {
  readonly limits: RunLimits;
  readonly calls: readonly Call[];
  readonly jobs: ReadonlyMap<string, JobFacts>;
  /** Answers that show a job, by job. */
  readonly readings: ReadonlyMap<string, readonly Reading[]>;
  readonly executions: readonly Execution[];
  readonly gauges: readonly EntryOf<'gauge'>[];
  readonly throughputs: readonly EntryOf<'throughput'>[];
  readonly faults: readonly EntryOf<'fault-start' | 'fault-healed'>[];
  readonly streams: readonly EntryOf<'stream-text' | 'stream-breach'>[];
}

/** The status after each event; null: unchanged. */
export const statusAfter: Readonly<Record<JobEventType, JobStatus | null>> = {
  'job-queued': 'queued',
  'job-claimed': 'running',
  'job-succeeded': 'succeeded',
  'job-retried': 'queued',
  'job-released': 'queued',
  'job-rescued': 'queued',
  'job-crashed': 'queued',
  'job-cancel-requested': null,
  'job-canceled': 'canceled',
  'job-failed': 'failed',
  'job-expired': 'expired',
};

/** @throws for a history without limits or tables, which proves nothing */
export function indexHistory(history: History): IndexedHistory {
  const of = <Type extends HistoryEvent['type']>(...types: readonly Type[]) =>
    history.filter((entry): entry is EntryOf<Type> => types.includes(entry.type as Type));
  const [start] = of('run-start');
  if (start === undefined) throw new Error('The history has no limits: an entry run-start is missing.');
  if (of('tables-read').length !== 1) throw new Error('The history needs the tables, read once and to the end.');

  const calls = indexCalls(history);
  const executions = indexExecutions(history);
  const records = groupBy(of('record-row'), ({ row }) => row.jobId);
  const events = groupBy(of('event-row'), ({ row }) => row.jobId);
  const leases = groupBy(of('lease'), ({ jobId }) => jobId);
  const executionsOf = groupBy(executions, ({ jobId }) => jobId);
  const jobs = new Map<string, JobFacts>(
    of('job-row').map(({ row }) => [
      row.id,
      {
        row,
        events: (events.get(row.id) ?? []).map((entry) => entry.row).toSorted((a, b) => a.seq - b.seq),
        recordHashes: (records.get(row.id) ?? []).map((entry) => entry.row.textHash),
        executions: executionsOf.get(row.id) ?? [],
        leases: leases.get(row.id) ?? [],
      },
    ]),
  );
  return {
    limits: start.limits,
    calls,
    jobs,
    readings: groupBy(
      calls.flatMap((call) => readingOf(call, jobs) ?? []),
      ({ job }) => job.id,
    ),
    executions,
    gauges: of('gauge'),
    throughputs: of('throughput'),
    faults: of('fault-start', 'fault-healed'),
    streams: of('stream-text', 'stream-breach'),
  };
}

function indexCalls(history: History): readonly Call[] {
  const endings = new Map<number, { readonly atMs: number } & CallEnding>();
  for (const entry of history) {
    if ('callId' in entry && entry.type !== 'invoke') endings.set(entry.callId, entry);
  }
  return history.flatMap((entry) => {
    if (entry.type !== 'invoke') return [];
    const { callId: id, client, operation, atMs: invokedAtMs } = entry;
    const ending = endings.get(id) ?? { type: 'unknown', reason: 'no answer', atMs: Infinity };
    return [{ id, client, operation, invokedAtMs, endedAtMs: ending.atMs, ending }];
  });
}

function readingOf(call: Call, jobs: ReadonlyMap<string, JobFacts>): Reading | null {
  if (call.ending.type !== 'ok' || call.ending.job === null) return null;
  const { job } = call.ending;
  const last = isTerminal(job.status) ? (jobs.get(job.id)?.events.at(-1)?.seq ?? null) : null;
  return { call, job, version: job.version ?? last };
}

function indexExecutions(history: History): readonly Execution[] {
  const deaths = new Map<string, number>();
  const ends = new Map<string, EntryOf<'execution-end'>>();
  for (const entry of history) {
    if (entry.type === 'worker-gone') deaths.set(entry.workerId, entry.atMs);
    if (entry.type === 'execution-end') ends.set(keyOf(entry), entry);
  }
  return history.flatMap((entry) => {
    if (entry.type !== 'execution-start') return [];
    const { jobId, attempt, workerId, atMs: startedAtMs } = entry;
    const end = ends.get(keyOf(entry));
    const endedAtMs = end?.atMs ?? deaths.get(workerId) ?? Infinity;
    return [{ jobId, attempt, workerId, startedAtMs, endedAtMs, outcome: end?.outcome ?? null }];
  });
}

const keyOf = ({ jobId, attempt, workerId }: Pick<Execution, 'jobId' | 'attempt' | 'workerId'>): string =>
  `${jobId} ${attempt} ${workerId}`;

export function groupBy<Item>(items: readonly Item[], keyOfItem: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOfItem(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
