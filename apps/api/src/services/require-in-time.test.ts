import { describe, expect, it } from 'vitest';
import { requireInTime } from './require-in-time.ts';

const estimate = { startInMs: 60_000, finishInMs: 65_000 };

describe('the check of deadlines', () => {
  it.each([
    [{ deadlineMs: null, startTimeoutMs: null }, estimate],
    [{ deadlineMs: 65_000, startTimeoutMs: 60_000 }, estimate],
    [{ deadlineMs: 1, startTimeoutMs: 1 }, null],
  ])('accepts %o with the estimate %o', (terms, known) => {
    expect(() => {
      requireInTime(terms, known);
    }).not.toThrow();
  });

  it.each([
    [
      { deadlineMs: 64_000, startTimeoutMs: null },
      1_000,
      'would finish in about 65 s, and deadline_ms allows 64000 ms',
    ],
    [{ deadlineMs: null, startTimeoutMs: 30_000 }, 30_000, 'would start in about 60 s, and start_timeout_ms allows'],
    [{ deadlineMs: 1, startTimeoutMs: 59_000 }, 30_000, 'start_timeout_ms'],
  ])('refuses %o, until the queue is shorter', (terms, retryAfterMs, message) => {
    expect(() => {
      requireInTime(terms, estimate);
    }).toThrow(
      expect.objectContaining({
        code: 'deadline_unmeetable',
        message: expect.stringContaining(message) as string,
        details: { retryAfterMs },
      }),
    );
  });
});
