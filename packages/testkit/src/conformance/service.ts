/** The contract of every `Service` of core: it starts, it stops, and no part of it runs afterwards. */
import { type Service, serviceStopLimitMs } from '@prosemill/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GatedCalls } from './gate-calls.ts';

export interface ServiceSession {
  /** Not started. */
  readonly service: Service;
  /** The part that each step of the service calls first. */
  readonly calls: GatedCalls<object>;
  close(): Promise<void>;
}

/** Longer than any interval of a service. */
const longMs = 60_000;

/** Timers are the test's: `setup` must not wait for one. */
export function describeServiceConformance(name: string, setup: () => Promise<ServiceSession>): void {
  describe(`the lifecycle of ${name}`, () => {
    let session: ServiceSession;

    beforeEach(async () => {
      session = await setup();
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    });
    afterEach(async () => {
      session.calls.open();
      await session.service.stop();
      vi.useRealTimers();
      await session.close();
    });

    /** Starts it, and resolves in the middle of its first step. */
    async function startAndHold(): Promise<void> {
      session.calls.shut();
      session.service.start();
      await vi.advanceTimersByTimeAsync(0);
      while (session.calls.begun === 0 && vi.getTimerCount() > 0) await vi.advanceTimersToNextTimerAsync();
      await vi.advanceTimersByTimeAsync(0);
    }

    async function expectNothingMore(): Promise<void> {
      const { begun } = session.calls;
      session.service.start();
      await vi.advanceTimersByTimeAsync(longMs);
      expect(session.calls.begun).toBe(begun);
    }

    it('goes on from step to step', async () => {
      session.service.start();
      await vi.advanceTimersByTimeAsync(longMs);
      const { begun } = session.calls;
      await vi.advanceTimersByTimeAsync(longMs);
      expect(begun).toBeGreaterThan(0);
      expect(session.calls.begun).toBeGreaterThan(begun);
    });

    it('starts once', async () => {
      session.calls.shut();
      session.service.start();
      await startAndHold();
      expect(session.calls.underWay).toBe(1);
    });

    it('can be stopped before it is started, and then never runs', async () => {
      await session.service.stop();
      await expectNothingMore();
    });

    it('waits for the step under way when it is stopped, however often, and nothing runs afterwards', async () => {
      await startAndHold();
      let isStopped = false;
      const stopping = Promise.all([session.service.stop(), session.service.stop()]).then(() => (isStopped = true));
      await vi.advanceTimersByTimeAsync(serviceStopLimitMs - 1);
      expect(isStopped).toBe(false);
      session.calls.open();
      await stopping;
      expect(session.calls.underWay).toBe(0);
      await expectNothingMore();
    });

    it('waits no longer than its limit for a step that hangs, and the step begins nothing more', async () => {
      await startAndHold();
      const stopping = session.service.stop();
      await vi.advanceTimersByTimeAsync(serviceStopLimitMs);
      await stopping;
      session.calls.open();
      await expectNothingMore();
    });
  });
}
