/** Finds byte sequences in a stream of chunks, also across chunks. */

export type Bytes = Buffer | string;
/** A list matches when one of its sequences does. */
export type Pattern = Bytes | readonly Bytes[];

/**
 * @param steps  Found one after another; after the last one the search begins again with the first.
 * @returns a function for each next chunk, which tells whether the last step ended in it
 */
export function createStreamMatcher(steps: readonly Pattern[]): (chunk: Buffer) => boolean {
  const searched = steps.map(toBuffers);
  const keptBytes = Math.max(...searched.flat().map(({ length }) => length)) - 1;
  let step = 0;
  let window: Buffer = Buffer.alloc(0);

  return function isFoundIn(chunk) {
    window = Buffer.concat([window, chunk]);
    let isFound = false;
    for (let end = endOfFirst(window, searched[step]); end !== null; end = endOfFirst(window, searched[step])) {
      window = window.subarray(end);
      step = (step + 1) % searched.length;
      isFound ||= step === 0;
    }
    window = window.subarray(Math.max(0, window.length - keptBytes));
    return isFound;
  };
}

function toBuffers(pattern: Pattern): readonly Buffer[] {
  const list = typeof pattern === 'string' || Buffer.isBuffer(pattern) ? [pattern] : pattern;
  return list.map((bytes) => Buffer.from(bytes));
}

/** The end of the sequence that comes first. */
function endOfFirst(window: Buffer, patterns: readonly Buffer[] = []): number | null {
  const found = patterns
    .map((pattern) => ({ start: window.indexOf(pattern), length: pattern.length }))
    .filter(({ start }) => start !== -1)
    .toSorted((a, b) => a.start - b.start)[0];
  return found === undefined ? null : found.start + found.length;
}
