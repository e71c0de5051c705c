/** How long and how much: what fits into every test run, or with `FAULTS=full` all that docs/guarantees.md names. */
const isFull = process.env['FAULTS'] === 'full';

export const scaled = <Usual, Full>(usual: Usual, full: Full): Usual | Full => (isFull ? full : usual);
