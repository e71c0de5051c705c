/** One direction of a proxied connection: bytes keep their order, arrive later, or wait until they may pass. */
import type { Socket } from 'node:net';

export interface PipeOptions {
  readonly source: Socket;
  readonly target: Socket;
  readonly latencyMs: () => number;
  /** While true nothing passes: bytes stay in the kernel's buffers, as behind a cable that is cut. `resume` goes on. */
  readonly isHeld: () => boolean;
  /** Once true, true for ever: what arrives, the end too, is taken and goes nowhere, and so does what is on its way. */
  readonly isSwallowed: () => boolean;
  /** Sees what arrives from the source. @returns false to swallow it */
  readonly onArrival?: () => boolean;
  /** Sees what has been passed on to the target. */
  readonly onPassed?: (bytes: Buffer) => void;
}

interface Parcel {
  /** Null: the source has ended. */
  readonly bytes: Buffer | null;
  readonly dueAt: number;
}

/** @returns a function to call when `isHeld`, `isSwallowed` or `latencyMs` has changed */
export function pipeDelayed(options: PipeOptions): () => void {
  const { source, target, latencyMs, isHeld, isSwallowed, onArrival, onPassed } = options;
  const parcels: Parcel[] = [];
  let timer: NodeJS.Timeout | undefined;

  function arrive(bytes: Buffer | null): void {
    if (isSwallowed()) return;
    if (bytes !== null && onArrival?.() === false) return;
    const notBefore = parcels.at(-1)?.dueAt ?? 0;
    parcels.push({ bytes, dueAt: Math.max(notBefore, performance.now() + latencyMs()) });
    pass();
  }

  function pass(): void {
    clearTimeout(timer);
    if (isSwallowed()) parcels.length = 0;
    for (let next = parcels[0]; next !== undefined && !isHeld() && !target.destroyed; next = parcels[0]) {
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(pass, Math.ceil(waitMs));
        return;
      }
      parcels.shift();
      deliver(next.bytes);
    }
  }

  function deliver(bytes: Buffer | null): void {
    if (bytes === null) {
      target.end();
      return;
    }
    if (!target.write(bytes)) {
      source.pause();
      target.once('drain', resume);
    }
    onPassed?.(bytes);
  }

  function resume(): void {
    if (isHeld() && !isSwallowed()) {
      source.pause();
      return;
    }
    pass();
    source.resume();
  }

  source.on('data', arrive);
  source.on('end', () => arrive(null));
  source.on('close', () => clearTimeout(timer));
  resume();
  return resume;
}
