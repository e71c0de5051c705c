/** Conformance suite for transports of wake-ups. */
import { newId, type WakeUp, type WakeUps, wakeUpTypes } from '@prosemill/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

export interface WakeUpTransport {
  readonly wakeUps: WakeUps;
  /** Idempotent. */
  stop(): Promise<void>;
}

export interface WakeUpSession {
  /** The ends of two processes, or the same end twice where there is only one process. Not started. */
  readonly ends: readonly [WakeUpTransport, WakeUpTransport];
  close(): Promise<void>;
}

export function describeWakeUpsConformance(name: string, setup: () => Promise<WakeUpSession>): void {
  describe(`wake-ups by ${name}`, () => {
    let session: WakeUpSession;

    beforeEach(async () => {
      session = await setup();
    });
    afterEach(async () => {
      for (const end of session.ends) await end.stop();
      await session.close();
    });

    const startBoth = async (): Promise<void> => {
      for (const { wakeUps } of session.ends) await wakeUps.start();
    };

    it('reach the subscribers of every process, the publisher among them', async () => {
      await startBoth();
      const heard: [WakeUp[], WakeUp[]] = [[], []];
      for (const [index, { wakeUps }] of session.ends.entries()) {
        wakeUps.subscribe((wakeUp) => heard[index]?.push(wakeUp));
      }
      const changed: WakeUp = { type: 'job-changed', ids: [newId(), newId()] };
      const others = wakeUpTypes.slice(1).map((type): WakeUp => ({ type, ids: [newId()] }));
      for (const list of heard) {
        await expect
          .poll(() => {
            session.ends[0].wakeUps.publish(changed);
            for (const other of others) session.ends[1].wakeUps.publish(other);
            return list;
          })
          .toEqual(expect.arrayContaining([changed, ...others]));
      }
    });

    it('carry any number of ids', async () => {
      await startBoth();
      const ids = Array.from({ length: 1_000 }, () => newId());
      const heard = new Set<string>();
      session.ends[1].wakeUps.subscribe((wakeUp) => {
        for (const id of wakeUp.ids) heard.add(id);
      });
      await expect
        .poll(() => {
          session.ends[0].wakeUps.publish({ type: 'job-changed', ids });
          return heard.size;
        })
        .toBe(ids.length);
    });

    it('end with the subscription', async () => {
      await startBoth();
      const [{ wakeUps: publisher }, { wakeUps: other }] = session.ends;
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
      const [end] = session.ends;
      expect(() => end.wakeUps.publish(wakeUp)).not.toThrow();
      await startBoth();
      await end.stop();
      expect(() => end.wakeUps.publish(wakeUp)).not.toThrow();
    });
  });
}
