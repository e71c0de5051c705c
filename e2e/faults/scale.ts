/**
 * The durations and amounts of fault tests: small ones for every run, or with `FAULTS=full` those of
 * docs/guarantees.md.
 */
const isFull = process.env['FAULTS'] === 'full';

export const scaled = <Usual, Full>(usual: Usual, full: Full): Usual | Full => (isFull ? full : usual);
