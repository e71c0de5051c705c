import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventOutbox, textWaitMs } from './event-outbox.ts';
import type { CallEvent, ChildTokenEvent } from './messages.ts';

const text = (piece: string, completionTokens: number): ChildTokenEvent => ({
  type: 'token-delta',
  text: piece,
  completionTokens,
});
const start: ChildTokenEvent = { type: 'generation-start', promptTokens: 2, maxNewTokens: 9 };
const end: ChildTokenEvent = {
  type: 'generation-end',
  ending: { reason: 'length', usage: { promptTokens: 2, completionTokens: 3 } },
};

const endOfTurn = async (): Promise<void> => await Promise.resolve();

describe('the outbox of events', () => {
  let messages: (readonly CallEvent[])[] = [];
  let outbox: EventOutbox;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    messages = [];
    outbox = new EventOutbox((events) => messages.push(events));
  });
  afterEach(() => void vi.useRealTimers());

  it('sends the first text of a call at the end of the turn, together with all that waits', async () => {
    outbox.add(1, start);
    outbox.add(1, text('a', 1));
    outbox.add(2, start);
    outbox.add(2, text('b', 1));
    expect(messages).toEqual([]);
    await endOfTurn();
    expect(messages).toHaveLength(1);
    expect(messages[0]).toEqual([
      { call: 1, event: start },
      { call: 1, event: text('a', 1) },
      { call: 2, event: start },
      { call: 2, event: text('b', 1) },
    ]);
  });

  it('joins the texts of a call that wait, and sends them in time', async () => {
    outbox.add(1, text('a', 1));
    outbox.add(2, text('x', 1));
    await endOfTurn();
    outbox.add(1, text('b', 2));
    outbox.add(2, text('y', 2));
    outbox.add(1, text('c', 4));
    await endOfTurn();
    expect(messages).toHaveLength(1);
    vi.advanceTimersByTime(textWaitMs);
    expect(messages[1]).toEqual([
      { call: 1, event: text('bc', 4) },
      { call: 2, event: text('y', 2) },
    ]);
    vi.advanceTimersByTime(10 * textWaitMs);
    expect(messages).toHaveLength(2);
  });

  it('sends the end of a call at the end of the turn, behind its last text', async () => {
    outbox.add(1, text('a', 1));
    await endOfTurn();
    outbox.add(1, text('b', 2));
    outbox.add(1, end);
    await endOfTurn();
    expect(messages[1]).toEqual([
      { call: 1, event: text('b', 2) },
      { call: 1, event: end },
    ]);
    vi.advanceTimersByTime(10 * textWaitMs);
    expect(messages).toHaveLength(2);
  });

  it('sends a start without text in time', () => {
    outbox.add(1, start);
    vi.advanceTimersByTime(textWaitMs);
    expect(messages).toEqual([[{ call: 1, event: start }]]);
  });
});
