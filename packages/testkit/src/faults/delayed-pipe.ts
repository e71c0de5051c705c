/** One direction of a proxied connection. Bytes keep their order, and can be delayed, held or dropped. */
import type { Socket } from 'node:net';

export interface PipeOptions {
  readonly source: Socket;
  readonly target: Socket;
  readonly latencyMs: () => number;
  /** While true, nothing passes: bytes stay in the kernel's buffers, as with a cable that is cut. `resume` goes on. */
  readonly isHeld: () => boolean;
  /** Once true, it stays true: bytes and the end of the stream are read and dropped, including those on their way. */
  readonly isSwallowed: () => boolean;
  /**
   * Called when bytes arrive from the source.
   * @returns false to drop them
   */
  readonly onArrival?: () => boolean;
  /** Called when bytes have been passed on to the target. */
  readonly onPassed?: (bytes: Buffer) => void;
}

interface Parcel {
  /** Null: the source has ended. */
  readonly bytes: Buffer | null;
  readonly dueAt: number;
}

/** @returns a function to call after a change of `isHeld`, `isSwallowed` or `latencyMs` */
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
