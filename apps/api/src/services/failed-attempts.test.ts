import { beforeEach, describe, expect, it } from 'vitest';
import { FailedAttempts } from './failed-attempts.ts';

describe('failed attempts', () => {
  let time: number;
  let attempts: FailedAttempts;

  beforeEach(() => {
    time = 0;
    attempts = new FailedAttempts(() => time);
  });

  const fail = (address: string, count: number): void => {
    for (let index = 0; index < count; index += 1) attempts.add(address);
  };

  it('are 20, and one more every 3 s, for each address', () => {
    fail('1.1.1.1', 19);
    expect(attempts.waitMs('1.1.1.1')).toBe(0);
    attempts.add('1.1.1.1');
    expect([attempts.waitMs('1.1.1.1'), attempts.waitMs('1.1.1.2')]).toEqual([3_000, 0]);
    time += 3_000;
    expect(attempts.waitMs('1.1.1.1')).toBe(0);
    attempts.add('1.1.1.1');
    expect(attempts.waitMs('1.1.1.1')).toBe(3_000);
  });

  it('that came together cost no more than a full bucket', () => {
    fail('1.1.1.1', 1_000);
    expect(attempts.waitMs('1.1.1.1')).toBe(3_000);
  });

  it('of one IPv6 network are those of one client', () => {
    for (let host = 1; host <= 20; host += 1) attempts.add(`2001:db8::${host.toString(16)}`);
    expect(attempts.waitMs('2001:db8:0:0:ffff::1')).toBe(3_000);
    expect(attempts.waitMs('2001:db8:0:1::1')).toBe(0);
  });

  it('of many addresses push the oldest out', () => {
    fail('1.1.1.1', 20);
    fail('2.2.2.2', 20);
    for (let index = 0; index < 9_999; index += 1) attempts.add(`10.0.${index >> 8}.${index & 255}`);
    expect([attempts.waitMs('1.1.1.1'), attempts.waitMs('2.2.2.2')]).toEqual([0, 3_000]);
  });
});
