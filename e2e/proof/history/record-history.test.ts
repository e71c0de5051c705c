import { describe, expect, it } from 'vitest';
import type { HistoryEntry, JobReading, Operation, RunLimits } from './history.ts';
import { createHistoryRecorder } from './record-history.ts';

const limits: RunLimits = {
  leaseMs: 30_000,
  finishWithinMs: null,
  mayFail: false,
  answerWithinMs: null,
  gauges: {},
  clockToleranceMs: 0,
  recoverWithinMs: 60_000,
};
const operation: Operation = { kind: 'read', ownerId: 'local', jobId: 'a' };
const job: JobReading = { id: 'a', ownerId: null, status: 'queued', version: 1, attempt: 0, textHash: null };

describe('a recorder', () => {
  it('numbers calls, and records their start and ending, an exception as unknown', async () => {
    let time = 0;
    const written: HistoryEntry[] = [];
    const recorder = createHistoryRecorder({ limits, now: () => (time += 1), onEntry: (entry) => written.push(entry) });
    const call = { client: 'c1', operation };
    expect(await recorder.perform(call, async () => ({ type: 'ok', job }))).toEqual({ type: 'ok', job });
    const lost = await recorder.perform(call, async () => {
      throw new Error('socket hang up');
    });
    expect(lost).toEqual({ type: 'unknown', reason: 'socket hang up' });
    expect(recorder.history).toEqual([
      { atMs: 1, type: 'run-start', limits },
      { atMs: 2, type: 'invoke', callId: 1, client: 'c1', operation },
      { atMs: 3, callId: 1, type: 'ok', job },
      { atMs: 4, type: 'invoke', callId: 2, client: 'c1', operation },
      { atMs: 5, callId: 2, type: 'unknown', reason: 'socket hang up' },
    ]);
    expect(written).toEqual(recorder.history);
  });

  it('takes executions from log lines, and corrects their times by the skew of the clock', () => {
    const recorder = createHistoryRecorder({ limits });
    const line = { level: 'info', time: '1970-01-01T00:00:05.000Z', jobId: 'a', attempt: 1, workerId: 'w1' };
    const execution = { jobId: 'a', attempt: 1, workerId: 'w1' };
    recorder.addLogLine({ ...line, msg: 'the worker takes jobs' });
    recorder.addLogLine({ ...line, msg: 'job attempt started' });
    recorder.addLogLine(
      { ...line, msg: 'job attempt ended', time: new Date(6_000).toISOString(), outcome: 'succeeded' },
      600,
    );
    recorder.addLogLine({ ...line, msg: 'job attempt ended', completion: 'stale', outcome: 'succeeded' });
    expect(recorder.history.slice(1)).toEqual([
      { atMs: 5_000, type: 'execution-start', ...execution },
      { atMs: 5_400, type: 'execution-end', ...execution, outcome: 'succeeded' },
      { atMs: 5_000, type: 'execution-end', ...execution, outcome: null },
    ]);
  });

  it('refuses a line about an execution without its id or time', () => {
    const recorder = createHistoryRecorder({ limits });
    const started = { msg: 'job attempt started', time: '1970-01-01T00:00:05.000Z', jobId: 'a', attempt: 1 };
    expect(() => recorder.addLogLine(started)).toThrow('workerId');
    expect(() => recorder.addLogLine({ ...started, workerId: 'w1', time: 'now' })).toThrow('time');
  });
});
