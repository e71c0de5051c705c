import { beforeEach, describe, expect, it } from 'vitest';
import { createFailedAttempts } from './failed-attempts.ts';

describe('failed attempts', () => {
  let time: number;
  let attempts: ReturnType<typeof createFailedAttempts>;

  beforeEach(() => {
    time = 0;
    attempts = createFailedAttempts(() => time);
  });

  const admittedOf = (count: number): number =>
    Array.from({ length: count }, () => attempts.admit()).filter((waitMs) => waitMs === 0).length;

  it('are limited to 100 at once, and 100 a second', () => {
    expect(admittedOf(1_000)).toBe(100);
    expect(attempts.admit()).toBe(1_000);
    time += 500;
    expect(admittedOf(1_000)).toBe(50);
    time += 60_000;
    expect(admittedOf(1_000)).toBe(100);
  });

  it('do not count when the key is valid', () => {
    expect(admittedOf(100)).toBe(100);
    attempts.refund();
    expect(admittedOf(100)).toBe(1);
    time += 60_000;
    attempts.refund();
    expect(admittedOf(1_000)).toBe(100);
  });
});
