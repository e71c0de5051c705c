/**
 * Turns wakes into permits. A wake starts work on a free slot. After its job, the slot looks again only if there may be
 * rows without a permit of their own: most looks after the last row would find nothing, and each costs a transaction.
 */
import { every, type HintReceiver, type Loop, type PermitResult, type ReceiveOptions } from '@prosemill/core';

export interface PermitPool extends HintReceiver {
  /** Gives as many permits as rows may be claimable, up to one for each free slot. */
  wake(permits: number): void;
}

/** Interval of counts while hints are lost: jobs start soon, for four small statements a second of an idle worker. */
const lookIntervalMs = 250;

/** @param areHintsLost  While it is true the pool looks for claimable rows itself. */
export function createPermitPool(areHintsLost: () => boolean): PermitPool {
  let options: ReceiveOptions | null = null;
  let isPaused = true;
  /** True from a wake until a slot looks at the database. */
  let isWoken = false;
  /** Counts what may leave a row without a look: wakes with too few free slots, and permits without a clear result. */
  let doubts = 0;
  /** The doubts before the last look that found nothing. While there are no more, every row has a permit of its own. */
  let settledDoubts = -1;
  let looking: Loop | null = null;
  const loops = new Set<Promise<void>>();

  const countFreeSlots = (): number => (isPaused || options === null ? 0 : options.concurrency - loops.size);

  function wake(permits: number): void {
    if (permits <= 0) return;
    isWoken = true;
    const freeSlots = countFreeSlots();
    if (permits > freeSlots) doubts += 1;
    for (let permit = 0; permit < Math.min(permits, freeSlots); permit += 1) startLoop();
  }

  function startLoop(): void {
    const loop = run().finally(() => {
      loops.delete(loop);
      // A wake may have come after this loop's last claim, when no slot was free.
      if (isWoken && countFreeSlots() > 0) startLoop();
    });
    loops.add(loop);
  }

  async function run(): Promise<void> {
    let result: PermitResult;
    do {
      isWoken = false;
      const doubtsBefore = doubts;
      result = (await options?.onPermit()) ?? 'unused';
      if (result === 'nothing') settledDoubts = doubtsBefore;
      else if (result !== 'done') doubts += 1;
    } while (!isPaused && mayFindMore(result));
  }

  function mayFindMore(result: PermitResult): boolean {
    if (result === 'unused') return false;
    return doubts !== settledDoubts || (result === 'done' && areHintsLost());
  }

  async function look({ countClaimable }: ReceiveOptions): Promise<void> {
    if (areHintsLost() && countFreeSlots() > 0) wake(await countClaimable());
  }

  return {
    wake,
    async start(given) {
      options = given;
      isPaused = false;
      looking = every({
        intervalMs: lookIntervalMs,
        step: async () => await look(given),
        // The reconciler logs that the database is away.
        onError: () => undefined,
      });
      looking.start();
    },
    async pause() {
      isPaused = true;
      void looking?.stop();
    },
    async stop() {
      isPaused = true;
      void looking?.stop();
      await Promise.all(loops);
    },
  };
}
