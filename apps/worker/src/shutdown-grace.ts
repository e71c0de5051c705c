/** The time that running jobs get to finish when the process is told to stop. */
import type { StopSignal } from '@prosemill/core';

/** After Ctrl-C somebody waits at the terminal. */
const interactiveGraceSeconds = 3;

/** @returns milliseconds */
export const graceMsFor = (signal: StopSignal, graceSeconds: number): number =>
  1_000 * (signal === 'SIGINT' ? Math.min(graceSeconds, interactiveGraceSeconds) : graceSeconds);
