/** Takes permits for the transports that keep no hints: a wake starts work, and work goes on until nothing is claimable. */
import type { HintReceiver, PermitHandler } from '@prosemill/core';

export interface PermitPool extends Omit<HintReceiver, 'poll'> {
  /** So many rows may be claimable: as many more permits, up to all there are. */
  wake(permits: number): void;
}

export function createPermitPool(): PermitPool {
  let concurrency = 0;
  let onPermit: PermitHandler | null = null;
  let isPaused = true;
  /** A wake came that no loop has looked at since. */
  let isWoken = false;
  const loops = new Set<Promise<void>>();

  function wake(permits: number): void {
    for (let permit = 0; permit < Math.min(permits, concurrency); permit += 1) wakeOne();
  }

  function wakeOne(): void {
    isWoken = true;
    if (isPaused || loops.size >= concurrency) return;
    const loop = run().finally(() => {
      loops.delete(loop);
      // A wake between the last look of this loop and its end would be lost, had every place been taken.
      if (isWoken) wakeOne();
    });
    loops.add(loop);
  }

  async function run(): Promise<void> {
    do isWoken = false;
    while ((await onPermit?.()) === true && !isPaused);
  }

  return {
    wake,
    async start(options) {
      ({ concurrency, onPermit } = options);
      isPaused = false;
      // Whatever was submitted before is there, and its hints are gone.
      wake(concurrency);
    },
    async pause() {
      isPaused = true;
    },
    async stop() {
      isPaused = true;
      await Promise.all(loops);
    },
  };
}
