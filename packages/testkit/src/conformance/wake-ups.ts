/** What every transport of wake-ups must do. */
import { newId, type WakeUp, type WakeUps } from '@prosemill/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

export interface WakeUpSession {
  /** Two ends: of two processes, or twice the same where there is only one. Not started. */
  readonly ends: readonly [WakeUps, WakeUps];
  close(): Promise<void>;
}

export function describeWakeUpsConformance(name: string, setup: () => Promise<WakeUpSession>): void {
  describe(`wake-ups by ${name}`, () => {
    let session: WakeUpSession;

    beforeEach(async () => {
      session = await setup();
    });
    afterEach(async () => {
      await session.close();
    });

    const startBoth = async (): Promise<void> => {
      for (const end of session.ends) await end.start();
    };

    it('reach the subscribers of every process, the publisher among them', async () => {
      await startBoth();
      const heard: [WakeUp[], WakeUp[]] = [[], []];
      for (const [index, end] of session.ends.entries()) end.subscribe((wakeUp) => heard[index]?.push(wakeUp));
      const changed: WakeUp = { type: 'job-changed', ids: [newId(), newId()] };
      const canceled: WakeUp = { type: 'job-cancel', ids: [newId()] };
      for (const list of heard) {
        await expect
          .poll(() => {
            session.ends[0].publish(changed);
            session.ends[1].publish(canceled);
            return list;
          })
          .toEqual(expect.arrayContaining([changed, canceled]));
      }
    });

    it('carry any number of ids', async () => {
      await startBoth();
      const ids = Array.from({ length: 1_000 }, () => newId());
      const heard = new Set<string>();
      session.ends[1].subscribe((wakeUp) => {
        for (const id of wakeUp.ids) heard.add(id);
      });
      await expect
        .poll(() => {
          session.ends[0].publish({ type: 'job-changed', ids });
          return heard.size;
        })
        .toBe(ids.length);
    });

    it('end with the subscription', async () => {
      await startBoth();
      const [publisher, other] = session.ends;
      let before = 0;
      let after = 0;
      const unsubscribe = other.subscribe(() => (before += 1));
      unsubscribe();
      other.subscribe(() => (after += 1));
      await expect
        .poll(() => {
          publisher.publish({ type: 'job-changed', ids: [newId()] });
          return after;
        })
        .toBeGreaterThan(0);
      expect(before).toBe(0);
    });

    it('never throw, started or stopped', async () => {
      const wakeUp: WakeUp = { type: 'job-changed', ids: [newId()] };
      expect(() => session.ends[0].publish(wakeUp)).not.toThrow();
      await startBoth();
      await session.ends[0].stop();
      expect(() => session.ends[0].publish(wakeUp)).not.toThrow();
    });
  });
}
