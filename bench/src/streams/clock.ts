/** Milliseconds since 1970 with a fraction, on one clock for all processes of this machine. */
export const nowMs = (): number => performance.timeOrigin + performance.now();
