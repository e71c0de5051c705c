/** How long and how much: what fits into every test run, or with `FAULTS=full` all that docs/guarantees.md names. */
const isFull = process.env['FAULTS'] === 'full';

export const scaled = <Value>(usual: Value, full: Value): Value => (isFull ? full : usual);
