/** The progress of a load, from the code that does the work to whoever shows it. */
import type { LoadPhase } from '@prosemill/core';

/** `done` of `total`: bytes when files are downloaded or checked, else shares of the work. `total` 0: unknown. */
export type OnLoadProgress = (phase: LoadPhase, done: number, total: number) => void;

/** Hears of the share of a work that is done, 0..1. */
export type OnShare = (share: number) => void;

/** A part of the work that reaches from one share of the whole to another. */
export const partOf =
  (onShare: OnShare, from: number, to: number): OnShare =>
  (share) =>
    onShare(from + share * (to - from));

/** Null while it is unknown. */
export const shareOf = (done: number, total: number): number | null => (total === 0 ? null : Math.min(1, done / total));

/** Whole, and 100 at the end alone. */
export const percentOf = (share: number): number => Math.floor(100 * share);
