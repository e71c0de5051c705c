/** Turns wakes into permits: a wake starts work on a slot, and the slot goes on until nothing is claimable. */
import { every, type HintReceiver, type Loop, type ReceiveOptions } from '@prosemill/core';

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
  /** True from a wake until a loop has looked at the database. */
  let isWoken = false;
  let looking: Loop | null = null;
  const loops = new Set<Promise<void>>();

  const hasFreeSlot = (): boolean => !isPaused && loops.size < (options?.concurrency ?? 0);

  function wake(permits: number): void {
    for (let permit = 0; permit < Math.min(permits, options?.concurrency ?? 0); permit += 1) wakeOne();
  }

  function wakeOne(): void {
    isWoken = true;
    if (!hasFreeSlot()) return;
    const loop = run().finally(() => {
      loops.delete(loop);
      // A wake may have come after this loop's last claim, when no slot was free.
      if (isWoken) wakeOne();
    });
    loops.add(loop);
  }

  async function run(): Promise<void> {
    do isWoken = false;
    while ((await options?.onPermit()) === true && !isPaused);
  }

  async function look({ countClaimable }: ReceiveOptions): Promise<void> {
    if (areHintsLost() && hasFreeSlot()) wake(await countClaimable());
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
