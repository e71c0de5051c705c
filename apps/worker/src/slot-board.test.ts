import { newId } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { AttemptText } from './attempt-text.ts';
import { SlotBoard } from './slot-board.ts';

const textOf = (id = newId()): AttemptText => new AttemptText({ id, attempt: 1 });

describe('the slots of a worker', () => {
  it('show each text in one place to its end', () => {
    const board = new SlotBoard();
    const [first, second, third] = [textOf(), textOf(), textOf()];
    const leaveFirst = board.take({ ownerId: 'a' }, first);
    board.take({ ownerId: 'b' }, second);
    second.begin(20);
    second.add(' once', 2);
    const stateOfFirst = { jobId: first.id, ownerId: 'a', tokens: 0, limit: null };
    const stateOfSecond = { jobId: second.id, ownerId: 'b', tokens: 2, limit: 20 };
    expect(board.report(4).slots).toEqual([stateOfFirst, stateOfSecond, null, null]);
    leaveFirst();
    expect(board.report(4).slots).toEqual([null, stateOfSecond, null, null]);
    board.take({ ownerId: 'a' }, third);
    leaveFirst();
    expect(board.report(4).slots).toEqual([{ ...stateOfFirst, jobId: third.id }, stateOfSecond, null, null]);
  });

  it('tell the rate of all tokens, those of ended texts included, since the report before', () => {
    const board = new SlotBoard();
    const [first, second] = [textOf(), textOf()];
    const leaveFirst = board.take({ ownerId: 'a' }, first);
    board.take({ ownerId: 'a' }, second);
    first.add('x', 30);
    expect(board.report(2, 0).tokensPerSecond).toBeNull();
    first.add('x', 40);
    leaveFirst();
    second.add('x', 10);
    expect(board.report(2, 500).tokensPerSecond).toBe(40);
    // Two reports in a moment have the same rate.
    second.add('x', 11);
    expect(board.report(2, 501).tokensPerSecond).toBe(40);
    expect(board.report(2, 1_500).tokensPerSecond).toBe(1);
    expect(board.report(2, 10_000).tokensPerSecond).toBeNull();
    expect(board.report(2, 11_000).tokensPerSecond).toBe(0);
  });
});
