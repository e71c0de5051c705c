/** Executions in the lines of a worker's log. */
import type { Outcome, OutcomeReceipt } from '@prosemill/core';
import type { HistoryEvent } from './history.ts';

export interface LoggedExecution {
  readonly timeMs: number;
  readonly event: Extract<HistoryEvent, { type: 'execution-start' | 'execution-end' }>;
}

const outcomes: ReadonlySet<unknown> = new Set<Outcome['type']>([
  'succeeded',
  'failed',
  'retried',
  'canceled',
  'crashed',
  'released',
]);
/** The answers of the database that say that it holds the outcome. A log line without an answer says the same. */
const accepted: ReadonlySet<unknown> = new Set<OutcomeReceipt | undefined>(['applied', 'already', undefined]);

/**
 * @param line  A line of the log: `time` in ISO 8601, `msg`, and fields.
 * @returns null for a line about anything else
 * @throws for a line about an execution that lacks a field, because a history without it proves nothing
 */
export function executionOf(line: Readonly<Record<string, unknown>>): LoggedExecution | null {
  const { msg, time, jobId, attempt, workerId, outcome, completion } = line;
  if (msg !== 'job attempt started' && msg !== 'job attempt ended') return null;
  const timeMs = Date.parse(String(time));
  if (
    Number.isNaN(timeMs) ||
    typeof jobId !== 'string' ||
    typeof attempt !== 'number' ||
    typeof workerId !== 'string'
  ) {
    throw new TypeError(`Expected time, jobId, attempt and workerId in the log line ${JSON.stringify(line)}.`);
  }
  const execution = { jobId, attempt, workerId };
  if (msg === 'job attempt started') return { timeMs, event: { type: 'execution-start', ...execution } };
  const isAccepted = accepted.has(completion) && outcomes.has(outcome);
  return {
    timeMs,
    event: { type: 'execution-end', ...execution, outcome: isAccepted ? (outcome as Outcome['type']) : null },
  };
}
