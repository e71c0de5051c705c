import { isTerminal, type JobEventType } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { checkHistory } from './check-history.ts';
import {
  type CallEnding,
  fromJsonLines,
  type History,
  type HistoryEntry,
  type JobReading,
  type JobSnapshot,
  type Operation,
  type RunLimits,
  toJsonLines,
} from './history.ts';
import { statusAfter } from './index-history.ts';

const limits: RunLimits = {
  leaseMs: 30_000,
  finishWithinMs: 120_000,
  mayFail: true,
  answerWithinMs: 1_000,
  gauges: { 'queue-depth': { max: 10_500, final: 0 } },
  clockToleranceMs: 100,
  recoverWithinMs: 60_000,
};

type Step = readonly [type: JobEventType, atMs: number, actor: 'api' | 'worker' | 'reconciler'];

/** The rows of a job with these events. `row` replaces fields of the job's row. */
function rowsOf(id: string, steps: readonly Step[], row: Partial<JobSnapshot> = {}): HistoryEntry[] {
  let [attempt, status] = [0, 'queued' as JobSnapshot['status']];
  const events = steps.map(([event, eventAtMs, actor], index): HistoryEntry => {
    attempt += event === 'job-claimed' ? 1 : 0;
    status = statusAfter[event] ?? status;
    return { atMs: 0, type: 'event-row', row: { jobId: id, seq: index + 1, event, eventAtMs, attempt, actor } };
  });
  const count = (...types: readonly JobEventType[]) => steps.filter(([type]) => types.includes(type)).length;
  const snapshot: JobSnapshot = {
    id,
    ownerId: 'local',
    batchId: null,
    customId: null,
    status,
    version: steps.length,
    attempt,
    releasedCount: count('job-released'),
    crashCount: count('job-rescued', 'job-crashed'),
    maxAttempts: 3,
    dispatchEpoch: count('job-retried', 'job-released', 'job-rescued', 'job-crashed'),
    createdAtMs: steps[0]?.[1] ?? 0,
    finishedAtMs: isTerminal(status) ? (steps.at(-1)?.[1] ?? 0) : null,
    partialTextHash: null,
    ...row,
  };
  const record: HistoryEntry[] =
    status === 'succeeded' ? [{ atMs: 0, type: 'record-row', row: { jobId: id, textHash: `text of ${id}` } }] : [];
  return [{ atMs: 0, type: 'job-row', row: snapshot }, ...record, ...events];
}

let calls = 0;

/** A call from one time to another. */
function call(operation: Operation, [fromMs, toMs]: readonly [number, number], ending: CallEnding): HistoryEntry[] {
  calls += 1;
  const callId = calls;
  return [
    { atMs: fromMs, type: 'invoke', callId, client: 'client', operation },
    { atMs: toMs, callId, ...ending },
  ];
}

const submit = (operation: { ownerId?: string; key?: string; waitMs?: number } = {}): Operation => ({
  kind: 'submit',
  ownerId: 'local',
  key: null,
  waitMs: 0,
  ...operation,
});

const read = (jobId: string, ownerId = 'local'): Operation => ({ kind: 'read', ownerId, jobId });

function job(id: string, reading: Partial<JobReading> = {}): CallEnding {
  const queued: JobReading = { id, ownerId: null, status: 'queued', version: 1, attempt: 0, textHash: null };
  return { type: 'ok', job: { ...queued, ...reading } };
}

const done = (id: string, version: number, attempt = 1): CallEnding =>
  job(id, { status: 'succeeded', version, attempt, textHash: `text of ${id}` });

const absent: CallEnding = { type: 'ok', job: null };
const timeout: CallEnding = { type: 'unknown', reason: 'timeout' };

function run(
  jobId: string,
  { attempt = 1, workerId = 'w1', from, to }: { attempt?: number; workerId?: string; from: number; to?: number },
  outcome: 'succeeded' | 'released' | null = 'succeeded',
): HistoryEntry[] {
  const execution = { jobId, attempt, workerId };
  const start: HistoryEntry = { atMs: from, type: 'execution-start', ...execution };
  return to === undefined ? [start] : [start, { atMs: to, type: 'execution-end', ...execution, outcome }];
}

const succeeded: readonly Step[] = [
  ['job-queued', 1_000, 'api'],
  ['job-claimed', 2_000, 'worker'],
  ['job-succeeded', 3_000, 'worker'],
];
const rescued: readonly Step[] = [
  ['job-queued', 1_000, 'api'],
  ['job-claimed', 2_000, 'worker'],
  ['job-rescued', 33_000, 'reconciler'],
  ['job-claimed', 34_000, 'worker'],
  ['job-succeeded', 35_000, 'worker'],
];
const released: readonly Step[] = [
  ['job-queued', 1_000, 'api'],
  ['job-claimed', 2_000, 'worker'],
  ['job-released', 3_000, 'worker'],
  ['job-claimed', 3_001, 'worker'],
  ['job-succeeded', 4_000, 'worker'],
];
const gauge = (value: number): HistoryEntry => ({ atMs: 0, type: 'gauge', name: 'queue-depth', value });

const lease = (untilMs: number): HistoryEntry => ({ atMs: 20_000, type: 'lease', jobId: 'a', attempt: 1, untilMs });
const window = (startedAtMs: number, finishedJobs: number): HistoryEntry => ({
  atMs: startedAtMs + 10_000,
  type: 'throughput',
  startedAtMs,
  finishedJobs,
});

const historyOf = (...parts: readonly HistoryEntry[][]): History => [
  { atMs: 0, type: 'run-start', limits },
  ...parts.flat(),
  gauge(0),
  { atMs: 100_000, type: 'tables-read' },
];

/** The invariants that a history breaks, without repetition. */
const broken = (...parts: readonly HistoryEntry[][]) => [
  ...new Set(checkHistory(historyOf(...parts)).map(({ invariant }) => invariant)),
];

/** The messages of all violations, as one text. */
const findings = (...parts: readonly HistoryEntry[][]): string =>
  checkHistory(historyOf(...parts))
    .map(({ invariant, message }) => `${invariant}: ${message}`)
    .join('\n');

describe('a history', () => {
  const eventful = [
    call(submit({ key: 'k', waitMs: 30_000 }), [1_000, 3_400], done('a', 3)),
    run('a', { from: 2_001, to: 3_002 }),
    rowsOf('a', succeeded),
    call(submit(), [1_000, 1_100], job('b')),
    run('b', { from: 2_001, to: 40_000 }, null),
    run('b', { attempt: 2, workerId: 'w2', from: 34_001, to: 35_002 }),
    rowsOf('b', rescued),
    call(read('b'), [36_000, 36_001], done('b', 5, 2)),
  ];

  it('that keeps every promise passes, also after it was written to a file', () => {
    const history = historyOf(...eventful);
    expect(checkHistory(history)).toEqual([]);
    expect(fromJsonLines(toJsonLines(history))).toEqual(history);
    expect(checkHistory(fromJsonLines(toJsonLines(historyOf(call(submit(), [1, 2], job('x'))))))).toHaveLength(1);
  });

  it('without limits or tables proves nothing', () => {
    expect(() => checkHistory([])).toThrow('run-start');
    expect(() => checkHistory([{ atMs: 0, type: 'run-start', limits }])).toThrow('tables');
  });
});

describe('I1: accepted submits end', () => {
  it('catches a job that is not in the database', () => {
    const lost = call(submit(), [1, 2], job('a'));
    expect(findings(lost)).toMatch(/^I1: job a was accepted \(call \d+ of client\) and is not in the database$/);
  });

  it.each<[string, readonly Step[]]>([
    ['queued', succeeded.slice(0, 1)],
    ['running', succeeded.slice(0, 2)],
  ])('catches a job that is still %s', (status, steps) => {
    expect(findings(call(submit(), [1, 2], job('a')), rowsOf('a', steps))).toContain(`I1: job a is still ${status}`);
  });

  it('catches a job that took too long', () => {
    const late = rowsOf('a', succeeded, { finishedAtMs: 121_001 });
    expect(findings(call(submit(), [1, 2], job('a')), late)).toContain('I1: job a took 120001 ms until succeeded');
  });

  it('catches a job that was committed for a client without an answer and never ended', () => {
    expect(broken(call(submit(), [1, 2], timeout), rowsOf('a', succeeded.slice(0, 1)))).toEqual(['I1']);
  });

  it('catches a failure in a run that allows none', () => {
    const strict: HistoryEntry = { atMs: 0, type: 'run-start', limits: { ...limits, mayFail: false } };
    const failed: readonly Step[] = [...succeeded.slice(0, 2), ['job-failed', 3_000, 'worker']];
    const history = [strict, ...historyOf(call(submit(), [1, 2], job('a')), rowsOf('a', failed)).slice(1)];
    expect(checkHistory(history).map(({ message }) => message)).toEqual([
      'job a failed (attempt 1), and nothing in this run may make it',
    ]);
  });

  it('allows any terminal state, and submits that were refused or not answered and left no job', () => {
    const canceled: readonly Step[] = [
      ['job-queued', 1_000, 'api'],
      ['job-canceled', 2_000, 'api'],
    ];
    const refused: CallEnding = { type: 'fail', reason: '429' };
    const others = [call(submit(), [1, 2], timeout), call(submit(), [1, 2], refused)];
    expect(broken(call(submit(), [1, 2], job('a')), rowsOf('a', canceled), ...others)).toEqual([]);
  });
});

describe('I2: one key, one id', () => {
  const both = [rowsOf('a', succeeded), rowsOf('b', succeeded)];
  const keyed = submit({ key: 'k' });

  it('catches two ids', () => {
    const found = findings(call(keyed, [1, 2], job('a')), call(keyed, [3, 4], job('b')), ...both);
    expect(found).toBe('I2: key k of local stands for 2 jobs: a, b');
  });

  it('catches one id of two submits', () => {
    const one = rowsOf('a', succeeded);
    expect(broken(call(submit(), [1, 2], job('a')), call(submit(), [3, 4], job('a')), one)).toEqual(['I2']);
    const others = submit({ key: 'other' });
    expect(broken(call(keyed, [1, 2], job('a')), call(others, [3, 4], job('a')), one)).toEqual(['I2']);
  });

  it('catches a second job of a key whose first answer was lost', () => {
    const found = findings(call(keyed, [1, 2], timeout), call(keyed, [3, 4], job('a')), ...both);
    expect(found).toBe('I2: 1 jobs were told to nobody, but only 0 submits have no answer: b');
  });

  it('catches a second job of a key that was never answered', () => {
    expect(broken(call(keyed, [1, 2], timeout), call(keyed, [3, 4], timeout), ...both)).toEqual(['I2']);
  });

  it('allows a retry after a lost answer to get the one id, and one job for each lost answer', () => {
    const retried = [call(keyed, [1, 2], timeout), call(keyed, [3, 4], job('a')), call(keyed, [5, 6], job('a'))];
    expect(broken(...retried, call(submit(), [1, 2], timeout), ...both)).toEqual([]);
  });

  it('allows the key of a job that failed to stand for another, once that job had ended', () => {
    const failed: readonly Step[] = [...succeeded.slice(0, 2), ['job-failed', 3_000, 'worker']];
    const later = succeeded.map(([type, atMs, actor]): Step => [type, atMs + 5_000, actor]);
    const lost = [call(keyed, [1, 2], job('a')), call(keyed, [3_500, 3_600], timeout)];
    const told = [...lost, call(keyed, [3_700, 3_800], job('b'))];
    expect(broken(...told, rowsOf('a', failed), rowsOf('b', later))).toEqual([]);
    expect(broken(...lost, rowsOf('a', failed), rowsOf('b', later))).toEqual([]);
    expect(broken(...told, rowsOf('a', failed), rowsOf('b', succeeded))).toEqual(['I2']);
    expect(broken(...told, rowsOf('a', succeeded), rowsOf('b', later))).toEqual(['I2']);
  });

  it('allows the same key of another owner to stand for another job', () => {
    const other = rowsOf('b', succeeded, { ownerId: 'other' });
    const calls2 = [call(keyed, [1, 2], job('a')), call(submit({ key: 'k', ownerId: 'other' }), [3, 4], job('b'))];
    expect(broken(...calls2, rowsOf('a', succeeded), other)).toEqual([]);
  });
});

describe('I3: reads go forward', () => {
  const accepted = call(submit(), [1_000, 1_100], job('a'));
  const rows = rowsOf('a', succeeded);
  const running = job('a', { status: 'running', version: 2, attempt: 1 });

  it('catches a read that goes back', () => {
    const reads = [call(read('a'), [3_000, 3_001], done('a', 3)), call(read('a'), [3_002, 3_003], running)];
    expect(findings(accepted, rows, ...reads)).toMatch(
      /^I3: job a went back: succeeded in version 3 \(call \d+\), then running in version 2 \(call \d+\)$/,
    );
  });

  it('allows reads at the same time to end in any order', () => {
    const reads = [call(read('a'), [2_990, 3_010], done('a', 3)), call(read('a'), [2_995, 3_020], running)];
    expect(broken(accepted, rows, ...reads)).toEqual([]);
  });

  it('catches a second result', () => {
    const other = job('a', { status: 'succeeded', version: 3, attempt: 1, textHash: 'another' });
    const found = findings(
      accepted,
      rows,
      call(read('a'), [4_000, 4_001], done('a', 3)),
      call(read('a'), [5_000, 5_001], other),
    );
    expect(found).toContain(
      'I3: job a had 2 results: succeeded in version 3, text text of a; succeeded in version 3, text another',
    );
    expect(found).toContain('was read with text another');
  });

  it('catches a state that the version did not have, and a version that does not exist', () => {
    expect(findings(accepted, rows, call(read('a'), [2_000, 2_001], job('a', { version: 2 })))).toMatch(
      /was read as queued, attempt 0 \(call \d+\) in version 2, when it was running, attempt 1/,
    );
    expect(findings(accepted, rows, call(read('a'), [2_000, 2_001], job('a', { version: 9 })))).toContain('never was');
  });

  it('catches a job that disappears', () => {
    expect(broken(accepted, rows, call(read('a'), [2_000, 2_001], absent))).toEqual(['I3']);
  });

  it('allows a job to be absent before its submit is answered, and for another owner', () => {
    const early = call(read('a'), [1_050, 1_060], absent);
    expect(broken(accepted, rows, early, call(read('a', 'other'), [2_000, 2_001], absent))).toEqual([]);
  });

  it('allows a terminal answer without a version', () => {
    const answer = job('a', { status: 'succeeded', version: null, attempt: null, textHash: 'text of a' });
    expect(broken(accepted, rows, call(read('a'), [4_000, 4_001], answer))).toEqual([]);
    expect(
      broken(accepted, rows, call(read('a'), [4_000, 4_001], answer), call(read('a'), [5_000, 5_001], running)),
    ).toEqual(['I3']);
  });

  it('catches events that leave the graph: a success out of the queue', () => {
    const steps: readonly Step[] = [...rescued.slice(0, 3), ['job-succeeded', 34_000, 'worker']];
    expect(findings(accepted, rowsOf('a', steps))).toBe('I3: job a went from queued by job-succeeded (event 4)');
  });

  it('catches an event after the end, a missing event, and a row in another state than its events', () => {
    expect(broken(accepted, rowsOf('a', [...succeeded, ['job-rescued', 4_000, 'worker']]))).toContain('I3');
    expect(
      findings(
        accepted,
        rows.filter((entry) => entry.type !== 'event-row' || entry.row.seq !== 2),
      ),
    ).toContain('has event 3 (job-succeeded) where 2 was expected');
    expect(findings(accepted, rowsOf('a', succeeded, { version: 4 }))).toContain('is succeeded in version 4');
  });
});

describe('I4: one success', () => {
  const accepted = call(submit(), [1_000, 1_100], job('a'));
  const record: HistoryEntry = { atMs: 0, type: 'record-row', row: { jobId: 'a', textHash: 'text of a' } };

  it('catches two records, a missing record, and a record without a success', () => {
    expect(findings(accepted, rowsOf('a', succeeded), [record])).toContain('1 success events and 2 records');
    const without = rowsOf('a', succeeded).filter(({ type }) => type !== 'record-row');
    expect(findings(accepted, without)).toContain('1 success events and 0 records');
    const canceled = rowsOf('a', [...succeeded.slice(0, 2), ['job-canceled', 3_000, 'worker']]);
    expect(findings(accepted, canceled, [record])).toContain('job a is canceled with 0 success events and 1 records');
  });

  it('catches two accepted successes, and an accepted success of another attempt than the kept one', () => {
    const late = run('a', { from: 2_001, to: 34_500 });
    const current = run('a', { attempt: 2, workerId: 'w2', from: 34_001, to: 35_002 });
    expect(findings(accepted, rowsOf('a', rescued), late, current)).toBe(
      'I4: job a was written as succeeded 2 times: attempt 1 of w1, attempt 2 of w2\n' +
        'I4: job a succeeded by attempt 1 of w1, but is kept as attempt 2',
    );
  });

  it('allows a late result to be dropped', () => {
    const late = run('a', { from: 2_001, to: 36_000 }, null);
    const current = run('a', { attempt: 2, workerId: 'w2', from: 34_001, to: 35_002 });
    expect(broken(accepted, rowsOf('a', rescued), late, current)).toEqual([]);
  });

  it('catches an attempt that was started twice, an attempt without a claim, and an unknown job', () => {
    const rows = rowsOf('a', succeeded);
    const twice = [run('a', { from: 2_001, to: 2_500 }, null), run('a', { workerId: 'w2', from: 2_600, to: 3_001 })];
    expect(findings(accepted, rows, ...twice)).toContain('I4: job a was started more than once in attempt 1');
    expect(findings(accepted, rows, run('a', { attempt: 2, from: 9_000, to: 9_001 }, null))).toContain(
      'I4: job a was started in attempt 2, but has only 1',
    );
    expect(broken(run('ghost', { from: 1, to: 2 }, null))).toEqual(['I4']);
  });

  it.each<[string, Partial<JobSnapshot>]>([
    ['job a has dispatch_epoch 0, but its events make it 1', { dispatchEpoch: 0 }],
    ['job a has crash_count 0, but its events make it 1', { crashCount: 0 }],
    ['job a has attempt 3, but its events make it 2', { attempt: 3 }],
    ['job a has released_count 1, but its events make it 0', { releasedCount: 1 }],
    ['job a had 2 attempts, more than 1', { maxAttempts: 1 }],
  ])('catches wrong counts: %s', (message, row) => {
    expect(findings(accepted, rowsOf('a', rescued, row))).toContain(`I4: ${message}`);
  });

  it('catches a fourth crash', () => {
    const crash: readonly Step[] = [
      ['job-claimed', 2_000, 'worker'],
      ['job-rescued', 40_000, 'reconciler'],
    ];
    const steps: readonly Step[] = [['job-queued', 1_000, 'api'], ...crash, ...crash, ...crash, ...crash];
    expect(findings(accepted, rowsOf('a', steps, { maxAttempts: 9 }))).toContain('job a crashed 4 times, more than 3');
  });

  it('allows releases beyond the attempts, a third crash that fails, and a release or a crash that ends a job', () => {
    const releases = Array.from({ length: 4 }, (): readonly Step[] => [
      ['job-claimed', 2_000, 'worker'],
      ['job-released', 2_100, 'worker'],
    ]).flat();
    const often: readonly Step[] = [['job-queued', 1_000, 'api'], ...releases, ['job-canceled', 5_000, 'api']];
    expect(broken(accepted, rowsOf('a', often))).toEqual([]);
    const failed: readonly Step[] = [...rescued.slice(0, 4), ['job-failed', 70_000, 'reconciler']];
    expect(broken(accepted, rowsOf('a', failed, { crashCount: 2 }))).toEqual([]);
    const canceled: readonly Step[] = [...succeeded.slice(0, 2), ['job-canceled', 3_000, 'worker']];
    expect(broken(accepted, rowsOf('a', canceled, { releasedCount: 1 }))).toEqual([]);
    const crashed: readonly Step[] = [
      ...succeeded.slice(0, 2),
      ['job-crashed', 3_000, 'worker'],
      ['job-claimed', 4_000, 'worker'],
      ['job-failed', 5_000, 'worker'],
    ];
    expect(broken(accepted, rowsOf('a', crashed, { crashCount: 2 }))).toEqual([]);
  });
});

describe('I5: no overlap under a lease', () => {
  const accepted = call(submit(), [1_000, 1_100], job('a'));
  const second = run('a', { attempt: 2, workerId: 'w2', from: 34_001, to: 35_002 });

  it('catches a job that is taken before its lease has run out', () => {
    expect(findings(accepted, rowsOf('a', rescued), second, [lease(33_500)])).toBe(
      'I5: job a was taken from attempt 1 (job-rescued) 500 ms before its lease ran out',
    );
    const early = rescued.map(([type, atMs, actor]): Step => [type, atMs - (atMs > 2_000 ? 20_000 : 0), actor]);
    expect(findings(accepted, rowsOf('a', early))).toContain('ms before its lease ran out');
  });

  it('catches a second execution while the first one runs and holds its lease', () => {
    const found = findings(accepted, rowsOf('a', rescued), run('a', { from: 2_001, to: 40_000 }, null), second, [
      lease(34_500),
    ]);
    expect(found).toContain(
      'I5: job a ran twice at once: attempt 1 of w1 and attempt 2 of w2, and the first had its lease',
    );
  });

  it('allows an overlap when the earlier lease had run out', () => {
    const frozen = run('a', { from: 2_001, to: 40_000 }, null);
    expect(broken(accepted, rowsOf('a', rescued), frozen, second, [lease(32_900)])).toEqual([]);
    expect(broken(accepted, rowsOf('a', rescued), frozen, second)).toEqual([]);
  });

  it('allows the next execution after the first one ended, was handed back, or was killed', () => {
    const rows = rowsOf('a', released);
    const next = run('a', { attempt: 2, workerId: 'w2', from: 3_002, to: 4_001 });
    // The log line comes after the hand-back that the next execution waited for.
    expect(broken(accepted, rows, run('a', { from: 2_001, to: 3_005 }, 'released'), next)).toEqual([]);
    expect(
      broken(accepted, rows, run('a', { from: 2_001 }), next, [{ atMs: 3_000, type: 'worker-gone', workerId: 'w1' }]),
    ).toEqual([]);
  });
});

describe('I6: bounded', () => {
  it('catches a gauge above its limit, a gauge that stays up, and a gauge without samples', () => {
    expect(findings([gauge(10_501)])).toBe('I6: queue-depth rose to 10501, more than 10500');
    const up = checkHistory([...historyOf(), gauge(1)]);
    expect(up.map(({ message }) => message)).toEqual(['queue-depth is 1 at the end, more than 0']);
    const none = checkHistory(historyOf().filter(({ type }) => type !== 'gauge'));
    expect(none.map(({ invariant }) => invariant)).toEqual(['I6']);
  });

  it('catches a client that waits for a job that has ended', () => {
    const waiting = submit({ waitMs: 30_000 });
    const rows = rowsOf('a', succeeded);
    expect(findings(call(waiting, [1_000, 31_000], job('a')), rows)).toMatch(
      /^I6: job a had ended 28000 ms before call \d+, which waited for it, was answered$/,
    );
    expect(broken(call(waiting, [1_000, 5_000], done('a', 3)), rows)).toEqual(['I6']);
  });

  it('allows values at the limit, a poll after a lost wake-up, and late answers to clients that do not wait', () => {
    const rows = rowsOf('a', succeeded);
    expect(broken([gauge(10_500)], call(submit({ waitMs: 30_000 }), [1_000, 3_600], done('a', 3)), rows)).toEqual([]);
    expect(broken(call(submit(), [1_000, 31_000], job('a')), rows)).toEqual([]);
  });
});

describe('I7: owners apart', () => {
  const accepted = call(submit(), [1_000, 1_100], job('a'));

  it.each([
    ['by the answer', job('a', { ownerId: 'local' })],
    ['by the row', job('a')],
  ])("catches a read of another owner's job, %s", (_name, answer) => {
    const found = findings(accepted, rowsOf('a', succeeded), call(read('a', 'other'), [1_200, 1_300], answer));
    expect(found).toMatch(/^I7: job a of local was shown to other \(read, call \d+\)$/);
  });

  it("catches a cancel and a submit that show another owner's job", () => {
    const rows = rowsOf('a', succeeded);
    expect(
      broken(accepted, rows, call({ ...read('a', 'other'), kind: 'cancel' } as Operation, [1_200, 1_300], job('a'))),
    ).toEqual(['I7']);
    expect(broken(call(submit({ ownerId: 'other' }), [1_200, 1_300], job('a')), rows)).toEqual(['I7']);
  });

  it('allows the owner to read, and tells another owner that there is no such job', () => {
    const reads = [
      call(read('a'), [1_200, 1_300], job('a', { ownerId: 'local' })),
      call(read('a', 'other'), [1_200, 1_300], absent),
    ];
    expect(broken(accepted, rowsOf('a', succeeded), ...reads)).toEqual([]);
  });
});

describe('I8: throughput returns', () => {
  const faults: HistoryEntry[] = [
    { atMs: 10_000, type: 'fault-start', fault: 'redis killed' },
    { atMs: 30_000, type: 'fault-healed', fault: 'redis killed' },
  ];

  it('catches throughput that stays below, and missing measurements', () => {
    expect(findings(faults, [window(0, 100), window(90_000, 89)])).toBe(
      'I8: throughput is 8.90 jobs a second after healing, and was 10.00 before',
    );
    expect(findings(faults, [window(0, 100), window(40_000, 100)])).toContain('I8: throughput was not measured');
    expect(findings(faults, [window(90_000, 100)])).toContain('I8: throughput was not measured before');
  });

  it('allows 90 %, and any rate during the time for recovery', () => {
    expect(broken(faults, [window(0, 100), window(15_000, 0), window(40_000, 10), window(90_000, 90)])).toEqual([]);
    expect(broken([window(0, 100), window(90_000, 1)])).toEqual([]);
  });
});

const streamed = (textHash: string, isEmpty = false): HistoryEntry[] => [
  { atMs: 3_000, type: 'stream-text', jobId: 'a', textHash, isEmpty },
];

describe('I9: streams are texts', () => {
  const kept = [call(submit(), [1_000, 1_100], job('a')), rowsOf('a', succeeded)];
  const canceled = rowsOf('a', [
    ['job-queued', 1_000, 'api'],
    ['job-canceled', 2_000, 'api'],
  ]);

  it('catches another text, a text that is not kept, and a broken promise', () => {
    expect(findings(...kept, streamed('other'))).toBe('I9: job a was streamed as other, but text of a is kept');
    expect(findings(call(submit(), [1, 2], job('a')), canceled, streamed('other'))).toBe(
      'I9: job a was streamed as other, but no text is kept',
    );
    const breach: HistoryEntry = { atMs: 0, type: 'stream-breach', jobId: 'a', reason: 'a character twice' };
    expect(findings(...kept, [breach])).toBe('I9: a stream of job a: a character twice');
  });

  it('allows the text of the job, and no text of a job that never ran', () => {
    expect(broken(...kept, streamed('text of a'))).toEqual([]);
    expect(broken(call(submit(), [1, 2], job('a')), canceled, streamed('prompt', true))).toEqual([]);
  });
});

const shown = (id: string, jobIds: readonly string[], hasEnded = false): CallEnding => ({
  type: 'ok-batch',
  batch: { id, hasEnded, jobIds },
});
const line = (id: string, customId: string, batchId = 'x') => rowsOf(id, succeeded, { batchId, customId });

describe('I10: batches are whole', () => {
  const submitBatch: Operation = { kind: 'submit-batch', ownerId: 'local', key: 'k' };
  const cancel: Operation = { kind: 'cancel-batch', ownerId: 'local', batchId: 'x' };
  const whole = [line('a', '1/2'), line('b', '2/2')];
  const told = call(submitBatch, [1_000, 1_100], shown('x', ['a', 'b']));

  it('catches a missing line, and a job that no answer shows', () => {
    expect(findings(told, line('a', '1/2'))).toContain('I10: batch x has the lines 1/2');
    expect(findings(call(submitBatch, [1, 2], shown('x', ['a'])), ...whole)).toContain('shown with 1 jobs');
  });

  it('catches two batches of one key, one batch of two submits, and one that nobody submitted', () => {
    const other = [line('c', '1/1', 'y'), call(submitBatch, [2, 3], shown('y', ['c']))];
    expect(findings(told, ...whole, ...other)).toBe('I10: key k of local stands for 2 batches: x, y');
    expect(broken(told, call({ ...submitBatch, key: null }, [2, 3], shown('x', ['a', 'b'])), ...whole)).toEqual([
      'I10',
    ]);
    expect(broken(...whole)).toEqual(['I10']);
    expect(broken(told, call(submitBatch, [2, 3], timeout), ...whole, line('c', '1/1', 'y'))).toEqual(['I10']);
  });

  it('catches a job that begins after the cancel of its batch, or ends after the end of its batch', () => {
    expect(findings(told, call(cancel, [1_200, 1_300], shown('x', ['a', 'b'])), ...whole)).toMatch(
      /^I10: job a began after its batch was canceled \(call \d+\)\nI10: job b began/,
    );
    const readBatch: Operation = { ...cancel, kind: 'read-batch' };
    expect(broken(told, call(readBatch, [1_200, 1_300], shown('x', ['a', 'b'], true)), ...whole)).toEqual(['I10']);
    expect(broken(told, call(readBatch, [1_200, 1_300], { type: 'ok-batch', batch: null }), ...whole)).toEqual(['I10']);
  });

  it('allows a lost answer, its repetition with the key, and a cancel of running jobs', () => {
    const lost = call(submitBatch, [1, 2], timeout);
    expect(broken(lost, ...whole)).toEqual([]);
    expect(broken(lost, told, call(cancel, [2_500, 2_600], shown('x', ['a', 'b'])), ...whole)).toEqual([]);
  });
});
