/** Callbacks that carry the progress of a load from the code that does the work to the code that shows it. */
import type { LoadPhase } from '@prosemill/core';

/** `done` of `total`: bytes while files are downloaded or checked, else a share of the work. `total` 0: unknown. */
export type OnLoadProgress = (phase: LoadPhase, done: number, total: number) => void;

/** Called with the finished share of some work, 0 to 1. */
export type OnShare = (share: number) => void;

/** Maps the progress of a part to that of the whole, in which the part is the range `from`..`to`. */
export const partOf =
  (onShare: OnShare, from: number, to: number): OnShare =>
  (share) =>
    onShare(from + share * (to - from));

/** The finished share; null while the total is unknown. */
export const shareOf = (done: number, total: number): number | null => (total === 0 ? null : Math.min(1, done / total));

/** The percentage, rounded down, so that only finished work has 100. */
export const percentOf = (share: number): number => Math.floor(100 * share);
