/** Records a run: calls as clients make them, log lines as workers write them, samples, and the tables at the end. */
import { errorLine } from '@prosemill/core';
import type { ExecuteSql } from '@prosemill/testkit';
import type { CallEnding, History, HistoryEntry, HistoryEvent, Operation, RunLimits } from './history.ts';
import { readLeases, readTables } from './read-tables.ts';
import { executionOf } from './worker-log.ts';

export interface RecorderOptions {
  readonly limits: RunLimits;
  /** Default: this machine's clock. */
  readonly now?: () => number;
  /** Called with each entry, for a run that writes its history to a file. */
  readonly onEntry?: (entry: HistoryEntry) => void;
}

export interface HistoryRecorder {
  readonly history: History;
  add(event: HistoryEvent): void;
  /**
   * Records a call with its ending; what `run` throws is `unknown`, and does not get out.
   * @returns the ending
   */
  perform(
    call: { readonly client: string; readonly operation: Operation },
    run: () => Promise<CallEnding>,
  ): Promise<CallEnding>;
  /**
   * Takes one line of a worker's log; lines that say nothing of an execution are ignored.
   * @param skewMs  How far the worker's clock goes before the others; default 0.
   */
  addLogLine(line: Readonly<Record<string, unknown>>, skewMs?: number): void;
  /** Samples who holds which job, and until when. The more often, the more overlaps are judged exactly. */
  sampleLeases(execute: ExecuteSql): Promise<void>;
  /** Reads the tables; once, at the end. */
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
