/** What running jobs get to finish when the process is told to stop. */
import type { StopSignal } from '@prosemill/core';

/** Somebody pressed Ctrl-C and watches. */
const interactiveGraceSeconds = 3;

/** @returns milliseconds */
export const graceMsFor = (signal: StopSignal, graceSeconds: number): number =>
  1_000 * (signal === 'SIGINT' ? Math.min(graceSeconds, interactiveGraceSeconds) : graceSeconds);
