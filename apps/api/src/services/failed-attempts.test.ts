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
    for (let index = 0; index < count; index += 1) attempts.admit(address);
  };

  /** Leaves clients with their own alone. */
  const useUpShared = (): void => {
    while (attempts.admit('9.9.9.9') === 0);
  };

  /** Of so many attempts, which two addresses make by turns. */
  function admittedOf(count: number): number {
    const waits = Array.from({ length: count }, (_, index) => attempts.admit(index % 2 === 0 ? '1.1.1.1' : '2.2.2.2'));
    return waits.filter((waitMs) => waitMs === 0).length;
  }

  it('are 20, and one more every 3 s, for each address', () => {
    fail('1.1.1.1', 19);
    useUpShared();
    expect(attempts.admit('1.1.1.1')).toBe(0);
    expect([attempts.admit('1.1.1.1'), attempts.admit('1.1.1.2')]).toEqual([1_000, 0]);
    time += 3_000;
    useUpShared();
    expect(attempts.admit('1.1.1.1')).toBe(0);
    expect(attempts.admit('1.1.1.1')).toBe(1_000);
  });

  it('share 100 a second when they are used up', () => {
    fail('1.1.1.1', 20);
    fail('2.2.2.2', 20);
    expect(admittedOf(1_000)).toBe(100);
    time += 500;
    expect(admittedOf(1_000)).toBe(50);
  });

  it('that showed a valid key are none', () => {
    fail('1.1.1.1', 20);
    useUpShared();
    attempts.takeBack('1.1.1.1');
    expect([attempts.admit('1.1.1.1'), attempts.admit('1.1.1.1')]).toEqual([0, 1_000]);
    attempts.takeBack('1.1.1.2');
    fail('1.1.1.2', 20);
    expect(attempts.admit('1.1.1.2')).toBe(1_000);
  });

  it('of one IPv6 network are those of one client', () => {
    for (let host = 1; host <= 20; host += 1) attempts.admit(`2001:db8::${host.toString(16)}`);
    useUpShared();
    expect(attempts.admit('2001:db8:0:0:ffff::1')).toBe(1_000);
    expect(attempts.admit('2001:db8:0:1::1')).toBe(0);
  });

  it('of many addresses push the oldest out', () => {
    fail('1.1.1.1', 20);
    fail('2.2.2.2', 20);
    useUpShared();
    for (let index = 0; index < 9_998; index += 1) attempts.admit(`10.0.${index >> 8}.${index & 255}`);
    expect([attempts.admit('2.2.2.2'), attempts.admit('1.1.1.1')]).toEqual([1_000, 0]);
  });
});
