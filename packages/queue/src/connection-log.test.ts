import type { Logger } from '@prosemill/core';
import { silentLogger } from '@prosemill/testkit';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createConnectionLog } from './connection-log.ts';

function open() {
  const lines: string[] = [];
  const write = (_fields: object, message: string): void => void lines.push(message);
  const logger: Logger = { ...silentLogger, info: write, warn: write };
  return { lines, log: createConnectionLog('It', logger) };
}

describe('the log of a connection', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
  });

  it('has a line at the start and the end of an outage, and one a minute in between', () => {
    const { lines, log } = open();
    for (let second = 0; second <= 60; second += 1) {
      log.lost(new Error('refused'));
      vi.advanceTimersByTime(1_000);
    }
    log.restored();
    const away = 'It is not available; trying again';
    expect(lines).toEqual([away, away, 'It is available again']);
    expect(log.problem).toBeNull();
  });

  it('leaves out most lines of a connection that comes and goes', () => {
    const { lines, log } = open();
    for (let count = 0; count < 20; count += 1) {
      log.lost(new Error('refused'));
      expect(log.problem).toBe('refused');
      log.restored();
      vi.advanceTimersByTime(250);
    }
    expect(lines).toEqual(['It is not available; trying again', 'It is available again']);
  });
});
