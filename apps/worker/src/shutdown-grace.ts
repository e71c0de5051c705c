/** The time in which running jobs may finish after a stop signal. */
import type { StopSignal } from '@prosemill/core';

/** After Ctrl-C a person waits at the terminal. */
const interactiveGraceSeconds = 3;

/** @returns milliseconds */
export const graceMsFor = (signal: StopSignal, graceSeconds: number): number =>
  1_000 * (signal === 'SIGINT' ? Math.min(graceSeconds, interactiveGraceSeconds) : graceSeconds);
