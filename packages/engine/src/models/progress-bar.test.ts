import { PassThrough } from 'node:stream';
import type { WriteStream } from 'node:tty';
import type { LogFields, Logger } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createProgressReport } from './progress-bar.ts';

function setup(isTTY: boolean) {
  const lines: LogFields[] = [];
  const logger: Logger = { ...silentLogger, info: (fields, msg) => void lines.push({ ...fields, msg }) };
  const stream = new PassThrough({ encoding: 'utf8' });
  const terminal: Pick<WriteStream, 'isTTY' | 'write'> = Object.assign(stream, { isTTY });
  const report = createProgressReport(logger, terminal);
  return { report, lines, shown: () => (stream.read() as string | null) ?? '' };
}

const clear = '\r\u001B[2K';

describe('the progress of a load on a terminal', () => {
  it('is a bar, which is removed at the end', () => {
    const { report, lines, shown } = setup(true);
    report.update('downloading', 5e6, 20e6);
    expect(shown()).toBe(`${clear}Downloading the model ████████░░░░░░░░░░░░░░░░░░░░░░ 5.0 of 20 MB`);
    report.update('downloading', 5e6 + 1, 20e6);
    expect(shown()).toBe('');
    report.end();
    expect(shown()).toBe(clear);
    expect(lines).toEqual([]);
  });

  it('changes with the phase, and shows percent for work that is not counted in bytes', () => {
    const { report, shown } = setup(true);
    report.update('checking', 20e6, 20e6);
    report.update('building-int8', 0.4, 1);
    expect(shown()).toBe(
      `${clear}Checking the files of the model ██████████████████████████████ 20 of 20 MB` +
        `${clear}Preparing the int8 weights ████████████░░░░░░░░░░░░░░░░░░ 40 %`,
    );
    report.update('building-int8', 0.999, 1);
    expect(shown()).toMatch(/ 99 %$/);
    report.update('opening', 0, 0);
    expect(shown()).toBe(`${clear}Loading the weights …`);
  });

  it('shows nothing while the size is unknown', () => {
    const { report, lines, shown } = setup(true);
    report.update('downloading', 10, 0);
    report.end();
    expect([lines, shown()]).toEqual([[], '']);
  });
});

describe('the progress of a load elsewhere', () => {
  afterEach(() => vi.useRealTimers());

  it('is a log line for every tenth of each phase', () => {
    const { report, lines, shown } = setup(false);
    for (let done = 0; done <= 1_000; done += 1) report.update('downloading', done, 1_000);
    for (let done = 0; done <= 1_000; done += 1) report.update('building-int8', done / 1_000, 1);
    report.update('opening', 0, 0);
    report.end();
    const tenths = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
    const linesOf = (phase: string) => tenths.map((percent) => ({ msg: 'loading the model', phase, percent }));
    expect(lines).toEqual([
      ...linesOf('Downloading the model'),
      ...linesOf('Preparing the int8 weights'),
      { msg: 'loading the model', phase: 'Loading the weights' },
    ]);
    expect(shown()).toBe('');
  });

  it('starts again when the model is loaded again', () => {
    const { report, lines } = setup(false);
    for (const times of [1, 2]) {
      report.update('opening', 0, 0);
      report.end();
      expect(lines).toHaveLength(times);
    }
  });

  it('does not log a check that takes less than a second', () => {
    vi.useFakeTimers();
    const { report, lines } = setup(false);
    for (let done = 0; done <= 100; done += 1) report.update('checking', done, 100);
    expect(lines).toEqual([]);
    report.end();
    report.update('checking', 10, 100);
    vi.advanceTimersByTime(1_000);
    report.update('checking', 50, 100);
    expect(lines).toEqual([{ msg: 'loading the model', phase: 'Checking the files of the model', percent: 50 }]);
  });
});
