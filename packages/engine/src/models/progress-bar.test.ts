import { PassThrough } from 'node:stream';
import type { WriteStream } from 'node:tty';
import type { LogFields, Logger } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { describe, expect, it } from 'vitest';
import { createProgressReport } from './progress-bar.ts';

function setup(isTTY: boolean) {
  const lines: LogFields[] = [];
  const logger: Logger = { ...silentLogger, info: (fields) => void lines.push(fields) };
  const stream = new PassThrough({ encoding: 'utf8' });
  const terminal: Pick<WriteStream, 'isTTY' | 'write'> = Object.assign(stream, { isTTY });
  const report = createProgressReport('loading the model', logger, terminal);
  return { report, lines, shown: () => (stream.read() as string | null) ?? '' };
}

describe('the progress of a download', () => {
  it('is a bar on a terminal, which goes away', () => {
    const { report, lines, shown } = setup(true);
    report.update(5e6, 20e6);
    expect(shown()).toBe('\r\u001B[2Kloading the model ████████░░░░░░░░░░░░░░░░░░░░░░ 5.0 of 20 MB');
    report.update(5e6 + 1, 20e6);
    expect(shown()).toBe('');
    report.end();
    expect(shown()).toBe('\r\u001B[2K');
    expect(lines).toEqual([]);
  });

  it('is a log line for every tenth elsewhere', () => {
    const { report, lines, shown } = setup(false);
    for (let received = 0; received <= 1_000; received += 1) report.update(received, 1_000);
    report.end();
    expect(lines.map(({ received }) => received)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
    expect(shown()).toBe('');
  });

  it('says nothing while the size is unknown', () => {
    const { report, lines, shown } = setup(true);
    report.update(10, 0);
    report.end();
    expect([lines, shown()]).toEqual([[], '']);
  });
});
