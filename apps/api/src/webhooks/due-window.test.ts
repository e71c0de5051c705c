import { describe, expect, it } from 'vitest';
import { DueWindow, fullNames } from './due-window.ts';

const none: ReadonlySet<string> = new Set();
const dead = new Set(['host dead']);

describe('the window of due deliveries', () => {
  it('begins at the last look that found nothing, with a margin', () => {
    const window = new DueWindow();
    expect(window.maxDueMs({ at: 0, full: dead })).toBeUndefined();
    window.noteEmpty({ at: 0, full: dead });
    expect(window.maxDueMs({ at: 1_000, full: dead })).toBe(11_000);
    expect(window.maxDueMs({ at: 2_000, full: new Set(['owner ann', ...dead]) })).toBe(12_000);
  });

  it('has no limit when a host has room again, and once a minute', () => {
    const window = new DueWindow();
    window.noteEmpty({ at: 0, full: dead });
    expect(window.maxDueMs({ at: 1_000, full: none })).toBeUndefined();
    expect(window.maxDueMs({ at: 61_000, full: dead })).toBeUndefined();
  });
});

it('hosts and owners are full at their limits', () => {
  const underWay = [
    { host: 'a', ownerId: 'x' },
    { host: 'a', ownerId: 'y' },
    { host: 'b', ownerId: 'y' },
    { host: 'c', ownerId: 'y' },
  ];
  const limits = { all: 7, perHost: 2, further: 2 };
  expect(fullNames({ limits, underWay, answeringHosts: new Set(['b', 'a']) })).toEqual(
    new Set(['host a', 'host c', 'owner y']),
  );
  expect(fullNames({ limits: { ...limits, all: 6 }, underWay, answeringHosts: new Set(['b', 'a']) })).toEqual(
    new Set(['host a', 'host c', 'owner y', 'owner y, but for hosts until a']),
  );
});
