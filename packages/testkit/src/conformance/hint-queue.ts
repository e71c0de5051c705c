/** Conformance suite for transports of hints. Claimable rows are only a number here: the database orders rows. */
import { type Hint, type HintReceiver, type HintSender, newId, type PermitResult } from '@prosemill/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

export interface HintTransport {
  readonly sender: HintSender;
  readonly receiver: HintReceiver;
  stop(): Promise<void>;
}

export interface HintQueueSession {
  /** The transport as one process opens it. */
  open(): HintTransport;
  /** Whether the transport can count the hints that nobody has taken. */
  readonly keepsHints: boolean;
  close(): Promise<void>;
}

const leaseMs = 30_000;

/** Claimable rows, and a permit handler that claims and processes them. */
class Rows {
  claimable = 0;
  running = 0;
  mostRunning = 0;
  done = 0;
  permits = 0;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  /** Makes handlers that have claimed a row wait until `release`. */
  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    this.#open = resolve;
  }

  release(): void {
    this.#open();
  }

  readonly countClaimable = async (): Promise<number> => this.claimable;

  readonly onPermit = async (): Promise<PermitResult> => {
    this.permits += 1;
    if (this.claimable === 0) return 'nothing';
    this.claimable -= 1;
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    await new Promise(setImmediate);
    await this.#gate;
    this.running -= 1;
    this.done += 1;
    return 'done';
  };
}

const newHint = (): Hint => ({ id: newId(), epoch: 0 });
const newHints = (count: number): Hint[] => Array.from({ length: count }, newHint);

export function describeHintQueueConformance(name: string, setup: () => Promise<HintQueueSession>): void {
  describe(`hints by ${name}`, () => {
    let session: HintQueueSession;
    let transport: HintTransport;
    let rows: Rows;

    beforeEach(async () => {
      session = await setup();
      transport = session.open();
      rows = new Rows();
    });
    afterEach(async () => {
      rows.release();
      await transport.stop();
      await session.close();
    });

    const start = async (concurrency: number, { receiver } = transport): Promise<void> =>
      await receiver.start({ concurrency, leaseMs, onPermit: rows.onPermit, countClaimable: rows.countClaimable });

    /**
     * Adds rows and sends their hints, repeatedly like the reconciler: a transport may lose a hint while it connects.
     */
    async function submit(count: number, { sender } = transport): Promise<void> {
      rows.claimable += count;
      await expect.poll(async () => await sender.send(newHints(count)).then(() => 'sent', String)).toBe('sent');
    }

    async function expectDone(count: number): Promise<void> {
      await expect
        .poll(async () => {
          if (rows.claimable > 0) await transport.sender.send(newHints(1));
          return rows.done;
        })
        .toBe(count);
    }

    it('get 200 rows processed, never more at once than there are slots', async () => {
      await start(8);
      await submit(200);
      await expectDone(200);
      expect(rows.mostRunning).toBeLessThanOrEqual(8);
      expect(rows.mostRunning).toBeGreaterThan(1);
    });

    it('get rows processed that were submitted before the receiver started', async () => {
      await submit(3);
      await start(2);
      await expectDone(3);
    });

    it('may be sent again and again', async () => {
      await start(2);
      const hint = newHint();
      rows.claimable = 2;
      for (let repeats = 0; repeats < 5; repeats += 1) {
        await expect.poll(async () => await transport.sender.send([hint]).then(() => 'sent', String)).toBe('sent');
      }
      await expectDone(2);
    });

    it('may find nothing to claim', async () => {
      await start(2);
      await expect.poll(async () => await transport.sender.send(newHints(10)).then(() => 'sent', String)).toBe('sent');
      await expect.poll(() => rows.permits).toBeGreaterThan(0);
      await submit(1);
      await expectDone(1);
    });

    it('start as many handlers as there are hints, after all slots had found nothing', async () => {
      await start(4);
      await expect.poll(async () => await transport.sender.send(newHints(1)).then(() => 'sent', String)).toBe('sent');
      await expect.poll(() => rows.permits).toBeGreaterThan(0);
      rows.hold();
      rows.claimable = 500;
      await transport.sender.send(newHints(500));
      await expect.poll(() => rows.running).toBe(4);
      rows.release();
      await expectDone(500);
    });

    it('start nothing during a pause, while running handlers go on', async () => {
      rows.hold();
      await start(1);
      await submit(2);
      await expect.poll(() => rows.running).toBe(1);
      await transport.receiver.pause();
      const { permits } = rows;
      rows.release();
      await expect.poll(() => rows.done).toBe(1);
      await transport.sender.send(newHints(3));
      await transport.receiver.stop();
      expect([rows.permits, rows.done, rows.claimable]).toEqual([permits, 1, 1]);
    });

    it('make a stop wait for running handlers', async () => {
      rows.hold();
      await start(1);
      await submit(1);
      await expect.poll(() => rows.running).toBe(1);
      await transport.receiver.pause();
      let isStopped = false;
      const stopping = transport.receiver.stop().then(() => (isStopped = true));
      await new Promise(setImmediate);
      expect(isStopped).toBe(false);
      rows.release();
      await stopping;
      expect(rows.done).toBe(1);
      await transport.receiver.stop();
    });

    it('are counted, where the transport keeps them', async () => {
      await submit(3);
      expect(await transport.sender.countWaiting()).toBe(session.keepsHints ? 3 : null);
    });
  });
}

/** For transports between processes. */
export function describeSharedHintQueueConformance(name: string, setup: () => Promise<HintQueueSession>): void {
  describe(`hints between processes by ${name}`, () => {
    it('reach every worker', async () => {
      const session = await setup();
      const rows = new Rows();
      const api = session.open();
      const workers = [session.open(), session.open()];
      try {
        rows.hold();
        const { onPermit, countClaimable } = rows;
        for (const { receiver } of workers) {
          await receiver.start({ concurrency: 1, leaseMs, onPermit, countClaimable });
        }
        rows.claimable = 2;
        // Two rows run at once with one slot each, so each worker has one.
        await expect
          .poll(async () => {
            if (rows.claimable > 0) await api.sender.send(newHints(1)).catch(() => undefined);
            return rows.running;
          })
          .toBe(2);
      } finally {
        rows.release();
        await Promise.all([api, ...workers].map((transport) => transport.stop()));
        await session.close();
      }
      expect(rows.done).toBe(2);
    });
  });
}
