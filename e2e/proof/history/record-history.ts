/** Records a run: calls of clients, log lines of workers, samples, and the tables at the end. */
import { errorLine } from '@prosemill/core';
import type { ExecuteSql } from '@prosemill/testkit';
import type { CallEnding, History, HistoryEntry, HistoryEvent, Operation, RunLimits } from './history.ts';
import { readLeases, readTables } from './read-tables.ts';
import { executionOf } from './worker-log.ts';

export interface RecorderOptions {
  readonly limits: RunLimits;
  /** Default: this machine's clock. */
  readonly now?: () => number;
  /** Called with each entry, for a run that writes its history into a file. */
  readonly onEntry?: (entry: HistoryEntry) => void;
}

export interface HistoryRecorder {
  readonly history: History;
  add(event: HistoryEvent): void;
  /**
   * Records a call and its ending. An exception in `run` is recorded as `unknown` and not thrown on.
   * @returns the ending
   */
  perform(
    call: { readonly client: string; readonly operation: Operation },
    run: () => Promise<CallEnding>,
  ): Promise<CallEnding>;
  /**
   * Records one line of a worker's log. Lines about anything but executions are ignored.
   * @param skewMs  How far the worker's clock is ahead of the others; default 0.
   */
  addLogLine(line: Readonly<Record<string, unknown>>, skewMs?: number): void;
  /** Samples the holders and ends of all leases. More samples make the check of overlaps more exact. */
  sampleLeases(execute: ExecuteSql): Promise<void>;
  /** Reads the tables. Call it once, at the end. */
  readTables(execute: ExecuteSql): Promise<void>;
}

export function createHistoryRecorder({ limits, now = Date.now, onEntry }: RecorderOptions): HistoryRecorder {
  const history: HistoryEntry[] = [];
  let calls = 0;

  function addAt(atMs: number, event: HistoryEvent): void {
    const entry = { atMs, ...event };
    history.push(entry);
    onEntry?.(entry);
  }

  const add = (event: HistoryEvent): void => addAt(now(), event);
  const addAll = (events: readonly HistoryEvent[]): void => events.forEach(add);
  add({ type: 'run-start', limits });

  return {
    history,
    add,
    async perform({ client, operation }, run) {
      calls += 1;
      const callId = calls;
      add({ type: 'invoke', callId, client, operation });
      const ending = await run().catch((error: unknown): CallEnding => ({ type: 'unknown', reason: errorLine(error) }));
      add({ callId, ...ending });
      return ending;
    },
    addLogLine(line, skewMs = 0) {
      const execution = executionOf(line);
      if (execution !== null) addAt(execution.timeMs - skewMs, execution.event);
    },
    sampleLeases: async (execute) => addAll(await readLeases(execute)),
    readTables: async (execute) => addAll(await readTables(execute)),
  };
}
